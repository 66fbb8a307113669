#include "device.h"

constexpr u32 Threads = 256;

template <typename T> struct Forward { const T* x; const T* scale; const T* bias; T* y; u32 count; };

template <typename T> DEVICE void forward(const Forward<T>& p)
{
    u32 i = blockX() * Threads + threadX();
    if (i >= p.count) return;
    float relu = larger(p.x[i], 0.0f);
    p.y[i] = multiplyAdd(p.scale[0] * relu, relu, p.bias[0]);
}

KERNELS(Threads, starReluForward, Forward, forward)

template <typename T> struct Backward { const T* x; const T* scale; const T* dy; T* dx; float* ofScale; float* ofBias; u32 count, slice; };

// dx, and the sums of max(x, 0)^2 dy and of dy over a slice. Always in the same order.
template <typename T> DEVICE void backward(const Backward<T>& p)
{
    SHARED float sums[2][Threads / Warp];
    float slope = 2 * p.scale[0], ds = 0, db = 0;
    u32 end = least(p.count, (blockX() + 1) * p.slice);
    LOOP for (u32 i = blockX() * p.slice + threadX(); i < end; i += Threads)
    {
        float relu = larger(p.x[i], 0.0f), dy = p.dy[i], part = relu * dy;
        p.dx[i] = slope * part;
        ds = multiplyAdd(relu, part, ds);
        db += dy;
    }
    ds = warpSum(ds);
    db = warpSum(db);
    u32 warp = threadX() / Warp;
    if (threadX() % Warp == 0)
    {
        sums[0][warp] = ds;
        sums[1][warp] = db;
    }
    barrier();
    if (threadX() >= 2) return;
    float sum = 0;
    UNROLL for (int i = 0; i < Threads / Warp; i++) sum += sums[threadX()][i];
    (threadX() == 0 ? p.ofScale : p.ofBias)[blockX()] = sum;
}

KERNELS(Threads, starReluBackward, Backward, backward)
