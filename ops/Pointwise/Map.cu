#include "formula.h"

constexpr int Threads = 256, Axes = 8;

struct Map { Constants constants; const float* a; const float* b; const float* g; float* y; u32 sizes[Axes], stepsA[Axes], stepsB[Axes]; int rank; u32 count; };

// y = f(a, b) or f(a, b, g): a and b are read in their own steps along each axis, g and y lie one element after the other.
template <bool Three> DEVICE void map(const Map& p)
{
    u32 i = blockX() * Threads + threadX(), rest = i, atA = 0, atB = 0;
    if (i >= p.count) return;
    LOOP for (int d = p.rank - 1; d > 0; d--)
    {
        u32 outer = rest / p.sizes[d], at = rest - outer * p.sizes[d];
        atA += at * p.stepsA[d];
        atB += at * p.stepsB[d];
        rest = outer;
    }
    float a = p.a[atA + rest * p.stepsA[0]], b = p.b[atB + rest * p.stepsB[0]];
    p.y[i] = Three ? formula(a, b, p.g[i]) : formula(a, b);
}

KERNEL(Threads) map2(const Map p) { map<false>(p); }
KERNEL(Threads) map3(const Map p) { map<true>(p); }
