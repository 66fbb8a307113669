#include "device.h"

struct Rows { const float* x; float* y; const float* saved; int rows, n, inner, logarithm; };

// Where a row begins; its elements lie inner apart.
template <int Threads> DEVICE u64 start(const Rows& a, u32 row)
{
    u32 inner = a.inner;
    return Threads == 1 ? (u64)(row / inner) * a.n * inner + row % inner : (u64)row * a.n;
}

template <int Threads> DEVICE void forward(const Rows& a)
{
    u32 row = teamRow<Threads>(), step = Threads == 1 ? a.inner : 1;
    if (row >= (u32)a.rows) return;
    const float* x = a.x + start<Threads>(a, row);
    float* y = a.y + start<Threads>(a, row);
    float m = -__builtin_inff(), sum = 0;
    for (u32 k = teamMember<Threads>(); k < (u32)a.n; k += Threads) m = larger(m, x[k * step]);
    m = teamLargest<Threads>(m);
    for (u32 k = teamMember<Threads>(); k < (u32)a.n; k += Threads) sum += exponential(x[k * step] - m);
    sum = teamSum<Threads>(sum);
    // What is large goes first, so that large x cost no digits.
    float last = a.logarithm ? logarithm(sum) : divide(1, sum);
    for (u32 k = teamMember<Threads>(); k < (u32)a.n; k += Threads)
    {
        float s = x[k * step] - m;
        y[k * step] = a.logarithm ? s - last : exponential(s) * last;
    }
}

// x is dy, y is dx.
template <int Threads> DEVICE void backward(const Rows& a)
{
    u32 row = teamRow<Threads>(), step = Threads == 1 ? a.inner : 1;
    if (row >= (u32)a.rows) return;
    const float* dy = a.x + start<Threads>(a, row), *y = a.saved + start<Threads>(a, row);
    float* dx = a.y + start<Threads>(a, row);
    float sum = 0;
    for (u32 k = teamMember<Threads>(); k < (u32)a.n; k += Threads) sum += a.logarithm ? dy[k * step] : y[k * step] * dy[k * step];
    sum = teamSum<Threads>(sum);
    for (u32 k = teamMember<Threads>(); k < (u32)a.n; k += Threads)
    {
        float saved = y[k * step], d = dy[k * step];
        dx[k * step] = a.logarithm ? d - exponential(saved) * sum : saved * (d - sum);
    }
}

KERNEL(TeamBlock) softmaxThreads(const Rows a) { forward<1>(a); }
KERNEL(TeamBlock) softmaxWarps(const Rows a) { forward<Warp>(a); }
KERNEL(TeamBlock) softmaxBlocks(const Rows a) { forward<TeamBlock>(a); }
KERNEL(TeamBlock) softmaxSlopeThreads(const Rows a) { backward<1>(a); }
KERNEL(TeamBlock) softmaxSlopeWarps(const Rows a) { backward<Warp>(a); }
KERNEL(TeamBlock) softmaxSlopeBlocks(const Rows a) { backward<TeamBlock>(a); }
