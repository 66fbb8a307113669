#include "device.h"

template <typename T> struct Rows { const T* x; T* y; const T* saved; int rows, n, inner, logarithm; };

// Where a row begins; its elements lie inner apart.
template <int Threads, typename T> DEVICE u64 start(const Rows<T>& a, u32 row)
{
    u32 inner = a.inner;
    return Threads == 1 ? (u64)(row / inner) * a.n * inner + row % inner : (u64)row * a.n;
}

template <int Threads, typename T> DEVICE void forward(const Rows<T>& a)
{
    u32 row = teamRow<Threads>(), step = Threads == 1 ? a.inner : 1;
    if (row >= (u32)a.rows) return;
    const T* x = a.x + start<Threads>(a, row);
    T* y = a.y + start<Threads>(a, row);
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
template <int Threads, typename T> DEVICE void backward(const Rows<T>& a)
{
    u32 row = teamRow<Threads>(), step = Threads == 1 ? a.inner : 1;
    if (row >= (u32)a.rows) return;
    const T* dy = a.x + start<Threads>(a, row), *y = a.saved + start<Threads>(a, row);
    T* dx = a.y + start<Threads>(a, row);
    float sum = 0;
    for (u32 k = teamMember<Threads>(); k < (u32)a.n; k += Threads) sum += a.logarithm ? (float)dy[k * step] : y[k * step] * dy[k * step];
    sum = teamSum<Threads>(sum);
    for (u32 k = teamMember<Threads>(); k < (u32)a.n; k += Threads)
    {
        float saved = y[k * step], d = dy[k * step];
        dx[k * step] = a.logarithm ? d - exponential(saved) * sum : saved * (d - sum);
    }
}

KERNELS(TeamBlock, softmaxThreads, Rows, forward<1>)
KERNELS(TeamBlock, softmaxWarps, Rows, forward<Warp>)
KERNELS(TeamBlock, softmaxBlocks, Rows, forward<TeamBlock>)
KERNELS(TeamBlock, softmaxSlopeThreads, Rows, backward<1>)
KERNELS(TeamBlock, softmaxSlopeWarps, Rows, backward<Warp>)
KERNELS(TeamBlock, softmaxSlopeBlocks, Rows, backward<TeamBlock>)
