#include "device.h"

constexpr u32 Threads = 256;

struct Forward { const float* x; const float* scale; const float* bias; float* y; u32 count; };

KERNEL(Threads) starReluForward(const Forward p)
{
    u32 i = blockX() * Threads + threadX();
    if (i >= p.count) return;
    float relu = larger(p.x[i], 0.0f);
    p.y[i] = multiplyAdd(p.scale[0] * relu, relu, p.bias[0]);
}

struct Backward { const float* x; const float* scale; const float* dy; float* dx; float* ofScale; float* ofBias; u32 count, slice; };

// dx, and the sums of max(x, 0)^2 dy and of dy over a slice. Always in the same order.
KERNEL(Threads) starReluBackward(const Backward p)
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
