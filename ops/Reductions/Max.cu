#include "device.h"

template <typename T> struct Find { const T* x; T* y; int* indices; int outputs, n, inner; };

// Whether an element comes before the best so far: a NaN is larger than anything, and of equals the first counts.
DEVICE bool isBetter(float x, int i, float best, int at)
{
    if (best != best) return x != x && i < at;
    return x != x || (x == best ? i < at : x > best);
}

// The largest along a row whose elements lie inner apart, and where it is.
template <int Threads, typename T> DEVICE void find(const Find<T>& a)
{
    u32 row = teamRow<Threads>(), inner = a.inner;
    if (row >= (u32)a.outputs) return;
    const T* x = a.x + (u64)(row / inner) * a.n * inner + row % inner;
    int at = smaller(teamMember<Threads>(), a.n - 1);
    float best = x[(u32)at * inner];
    for (int i = at + Threads; i < a.n; i += Threads)
    {
        float value = x[(u32)i * inner];
        if (isBetter(value, i, best, at)) best = value, at = i;
    }
    if constexpr (Threads == Warp)
    {
        UNROLL for (int mask = Warp / 2; mask > 0; mask /= 2)
        {
            float value = across(best, mask);
            int i = __nvvm_shfl_sync_bfly_i32(All, at, mask, Warp - 1);
            if (isBetter(value, i, best, at)) best = value, at = i;
        }
    }
    if (teamMember<Threads>() > 0) return;
    a.y[row] = best;
    a.indices[row] = at;
}

KERNELS(TeamBlock, maxThreads, Find, find<1>)
KERNELS(TeamBlock, maxWarps, Find, find<Warp>)

template <typename T> struct Scatter { T* dx; const T* dy; const int* indices; int outputs, n, inner; };

// dx of zeros gets dy where the largest was.
template <typename T> DEVICE void scatter(const Scatter<T>& a)
{
    u32 row = (u32)blockX() * 256 + threadX(), inner = a.inner;
    if (row < (u32)a.outputs) a.dx[((u64)(row / inner) * a.n + a.indices[row]) * inner + row % inner] = a.dy[row];
}

KERNELS(256, maxScatter, Scatter, scatter)
