#include "formula.h"
#include "members.h"

constexpr int Coefficients = 8;

struct Member { GLOBAL float* p; GLOBAL const float* g; GLOBAL float* a; GLOBAL float* b; GLOBAL float* c; GLOBAL const double* coefficients; int count; };
struct Update { Constants constants; Members<Member> members; const double* scale; int states; };

// Parameters and states of an optimizer, moved on by its rule; a state that is not kept reads as 0, and so does one behind those, which is only written.
KERNEL(Threads) optimizerUpdate(const Update args)
{
    Piece at = piece(args.members);
    const Member* m = args.members.table + at.member;
    GLOBAL float* p = m->p, *a = m->a, *b = m->b, *c = m->c;
    GLOBAL const float* g = m->g;
    float scale = (float)*args.scale, k[Coefficients];
    UNROLL for (int j = 0; j < Coefficients; j++) k[j] = (float)m->coefficients[j];
    LOOP for (int i = at.begin + threadX(); i < at.end; i += Threads)
    {
        float oldA = a ? a[i] : 0, oldB = b ? b[i] : 0, oldC = args.states > 2 ? c[i] : 0, next, newA, newB, newC;
        asm("formula0 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16;" : "=&f"(next), "=&f"(newA), "=&f"(newB), "=&f"(newC)
            : "f"(p[i]), "f"(g[i] * scale), "f"(oldA), "f"(oldB), "f"(oldC), "f"(k[0]), "f"(k[1]), "f"(k[2]), "f"(k[3]), "f"(k[4]), "f"(k[5]), "f"(k[6]), "f"(k[7]));
        p[i] = next;
        if (a) a[i] = newA;
        if (b) b[i] = newB;
        if (c) c[i] = newC;
    }
}
