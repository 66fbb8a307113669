#include "formula.h"

constexpr int Threads = 256, Axes = 8;

template <typename T> struct Map { Constants constants; const T* a; const T* b; const T* g; T* y; u32 sizes[Axes], stepsA[Axes], stepsB[Axes]; int rank; u32 count; };

// y = f(a, b) or f(a, b, g): a and b are read in their own steps along each axis, g and y lie one element after the other.
template <bool Three, typename T> DEVICE void map(const Map<T>& p)
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

KERNELS(Threads, map2, Map, map<false>)
KERNELS(Threads, map3, Map, map<true>)
