#include "members.h"

constexpr int Rate = 6, Adapts = 7;     // places in the coefficients

struct Member { GLOBAL float* p; GLOBAL const float* u; GLOBAL const double* squares; GLOBAL const double* coefficients; int count; };
struct Apply { Members<Member> members; };

// p -= rate r u with the trust ratio r = |p| / |u| of the tensor.
KERNEL(Threads) lambApply(const Apply args)
{
    Piece at = piece(args.members);
    const Member* m = args.members.table + at.member;
    GLOBAL float* p = m->p;
    GLOBAL const float* u = m->u;
    double ofP = m->squares[0], ofU = m->squares[1];
    double ratio = m->coefficients[Adapts] != 0 && ofP > 0 && ofU > 0 ? __nvvm_sqrt_rn_d(ofP) / __nvvm_sqrt_rn_d(ofU) : 1;
    float step = (float)(m->coefficients[Rate] * ratio);
    LOOP for (int i = at.begin + threadX(); i < at.end; i += Threads) p[i] -= step * u[i];
}
