#include "members.h"

struct Member { GLOBAL const float* x; int count; };
struct Squares { Members<Member> members; double* partial; };

// The sum over the threads of the block, given to the first; the same order always.
DEVICE double blockSum(double sum)
{
    __attribute__((shared)) static double sums[Threads];
    sums[threadX()] = sum;
    LOOP for (int half = Threads / 2; half > 0; half /= 2)
    {
        barrier();
        if (threadX() < half) sums[threadX()] = sum += sums[threadX() + half];
    }
    return sum;
}

// The sum of x^2 over each piece.
KERNEL(Threads) gradientSquares(const Squares args)
{
    Piece at = piece(args.members);
    GLOBAL const float* x = args.members.table[at.member].x;
    double sum = 0;
    LOOP for (int i = at.begin + threadX(); i < at.end; i += Threads) sum = __builtin_fma((double)x[i], (double)x[i], sum);
    sum = blockSum(sum);
    if (threadX() == 0) args.partial[blockX()] = sum;
}

struct Slots { const int* firstBlocks; const double* partial; double* sums; int members, slots; };

// The sums of each tensor's pieces in order; 0 where there is no tensor.
KERNEL(Threads) gradientSlots(const Slots args)
{
    int slot = blockX() * Threads + threadX();
    if (slot >= args.slots) return;
    double sum = 0;
    if (slot < args.members)
        for (int i = args.firstBlocks[slot] * Parts, end = args.firstBlocks[slot + 1] * Parts; i < end; i++) sum += args.partial[i];
    args.sums[slot] = sum;
}

struct Limit { const double* squares; double* result; int count; double limit, added; };

// The norm, and the factor that keeps it below the limit.
KERNEL(Threads) gradientLimit(const Limit args)
{
    double sum = 0;
    LOOP for (int i = threadX(); i < args.count; i += Threads) sum += args.squares[i];
    sum = blockSum(sum);
    if (threadX() > 0) return;
    double norm = __nvvm_sqrt_rn_d(sum), factor = args.limit / (norm + args.added);
    args.result[0] = norm;
    args.result[1] = factor < 1 || (factor != factor && args.limit < __builtin_inf()) ? factor : 1;
}
