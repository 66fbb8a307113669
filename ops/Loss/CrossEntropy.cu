#include "device.h"

template <typename T> struct Rows { const T* x; const T* target; const int* classes; float* normalizer; T* y; const T* dy; int rows, n, dyStep; float smoothing, slope; };

// The class of a row; one that there is not stops the kernel.
template <typename T> DEVICE u32 classOf(const Rows<T>& a, u32 row)
{
    u32 c = a.classes[row];
    if (c >= (u32)a.n) __builtin_trap();
    return c;
}

// Losses y, and (m, ln of the sum of e^(x - m)), m a row's largest: everything is computed from x - m, so that large logits cost no digits.
template <int Threads, typename T> DEVICE void forward(const Rows<T>& a)
{
    u32 row = teamRow<Threads>(), first = teamMember<Threads>(), n = a.n;
    if (row >= (u32)a.rows) return;
    const T* x = a.x + (u64)row * n;
    float m = -__builtin_inff(), exponentials = 0, shifted = 0;
    for (u32 i = first; i < n; i += Threads) m = larger(m, x[i]);
    m = teamLargest<Threads>(m);
    for (u32 i = first; i < n; i += Threads)
    {
        float s = x[i] - m;
        exponentials += exponential(s);
        shifted += s;
    }
    float log = logarithm(teamSum<Threads>(exponentials)), keep = 1 - a.smoothing, loss;
    shifted = teamSum<Threads>(shifted);
    if (a.target)
    {
        const T* t = a.target + (u64)row * n;
        float mass = 0, dot = 0;
        for (u32 i = first; i < n; i += Threads)
        {
            mass += t[i];
            dot = multiplyAdd(t[i], x[i] - m, dot);
        }
        mass = teamSum<Threads>(mass);
        dot = teamSum<Threads>(dot);
        loss = multiplyAdd(keep, mass, a.smoothing) * log - keep * dot;
    }
    else loss = log - keep * (x[classOf(a, row)] - m);
    if (a.smoothing != 0) loss -= divide(a.smoothing, n) * shifted;
    if (first != 0) return;
    *(float2*)(a.normalizer + 2 * (u64)row) = float2{ m, log };
    a.y[row] = loss;
}

// y is dx.
template <int Threads, typename T> DEVICE void backward(const Rows<T>& a)
{
    u32 row = teamRow<Threads>(), first = teamMember<Threads>(), n = a.n;
    if (row >= (u32)a.rows) return;
    const T* x = a.x + (u64)row * n, *t = a.target + (u64)row * n;
    T* dx = a.y + (u64)row * n;
    float2 normalizer = *(const float2*)(a.normalizer + 2 * (u64)row);
    float g = a.dy[row * a.dyStep] * a.slope, keep = 1 - a.smoothing, spread = divide(a.smoothing, n), mass = 1;
    u32 own = a.target ? 0 : classOf(a, row);
    if (a.target)
    {
        mass = 0;
        for (u32 i = first; i < n; i += Threads) mass += t[i];
        mass = multiplyAdd(keep, teamSum<Threads>(mass), a.smoothing);
    }
    for (u32 i = first; i < n; i += Threads)
    {
        float target = a.target ? (float)t[i] : i == own ? 1.0f : 0.0f;
        dx[i] = g * (exponential(x[i] - normalizer.x - normalizer.y) * mass - multiplyAdd(target, keep, spread));
    }
}

KERNELS(TeamBlock, crossEntropyWarps, Rows, forward<Warp>)
KERNELS(TeamBlock, crossEntropyBlocks, Rows, forward<TeamBlock>)
KERNELS(TeamBlock, crossEntropySlopeWarps, Rows, backward<Warp>)
KERNELS(TeamBlock, crossEntropySlopeBlocks, Rows, backward<TeamBlock>)
