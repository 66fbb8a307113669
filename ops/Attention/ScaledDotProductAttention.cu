#include "device.h"

struct Mask { int batch, head, row, column; };      // elements from one to the next, 0 where all share one
struct Rows { float* p; float* d; float* mask; int batch, heads, n, m, maskCount; Mask steps; float scale; };

// p = softmax(scale p + mask) of a row.
template <int Threads> DEVICE void softmax(const Rows& a)
{
    u32 row = teamRow<Threads>(), first = teamMember<Threads>(), head = row / a.n, m = a.m;
    if (row >= (u32)(a.batch * a.heads * a.n)) return;
    float* p = a.p + (u64)row * m;
    const float* mask = a.mask + (u64)(head / a.heads) * a.steps.batch + (u64)(head % a.heads) * a.steps.head + (u64)(row % a.n) * a.steps.row;
    float most = -__builtin_inff(), sum = 0;
    for (u32 j = first; j < m; j += Threads)
    {
        float s = p[j] * a.scale;
        if (a.mask) s += mask[j * a.steps.column];
        p[j] = s;
        most = larger(most, s);
    }
    most = teamLargest<Threads>(most);
    for (u32 j = first; j < m; j += Threads)
    {
        float e = exponential(p[j] - most);
        p[j] = e;
        sum += e;
    }
    float share = divide(1, teamSum<Threads>(sum));
    for (u32 j = first; j < m; j += Threads) p[j] *= share;
}

// d = p (d - the sum of p d) of a row.
template <int Threads> DEVICE void slope(const Rows& a)
{
    u32 row = teamRow<Threads>(), first = teamMember<Threads>(), m = a.m;
    if (row >= (u32)(a.batch * a.heads * a.n)) return;
    const float* p = a.p + (u64)row * m;
    float* d = a.d + (u64)row * m, sum = 0;
    for (u32 j = first; j < m; j += Threads) sum = multiplyAdd(p[j], d[j], sum);
    sum = teamSum<Threads>(sum);
    for (u32 j = first; j < m; j += Threads) d[j] = p[j] * (d[j] - sum);
}

KERNEL(TeamBlock) attentionSoftmaxWarps(const Rows a) { softmax<Warp>(a); }
KERNEL(TeamBlock) attentionSoftmaxBlocks(const Rows a) { softmax<TeamBlock>(a); }
KERNEL(TeamBlock) attentionSlopeWarps(const Rows a) { slope<Warp>(a); }
KERNEL(TeamBlock) attentionSlopeBlocks(const Rows a) { slope<TeamBlock>(a); }

KERNEL(256) attentionScale(const Rows a)
{
    u32 i = (u32)blockX() * 256 + threadX();
    if (i < (u32)(a.batch * a.heads * a.n * a.m)) a.d[i] *= a.scale;
}

struct Span { u32 begin, end; };

// The scores along an axis that an element of the mask was added to.
DEVICE Span scores(u32 element, u32 step, u32 size)
{
    if (step == 0) return { 0, size };
    u32 i = element / step % size;
    return { i, i + 1 };
}

// The slope of an element of the mask by a thread: those of all scores it was added to, in order.
KERNEL(256) attentionMask(const Rows a)
{
    u32 i = (u32)blockX() * 256 + threadX();
    if (i >= (u32)a.maskCount) return;
    Span batch = scores(i, a.steps.batch, a.batch), head = scores(i, a.steps.head, a.heads), row = scores(i, a.steps.row, a.n), column = scores(i, a.steps.column, a.m);
    float sum = 0;
    for (u32 b = batch.begin; b < batch.end; b++)
        for (u32 h = head.begin; h < head.end; h++)
            for (u32 n = row.begin; n < row.end; n++)
                for (u32 m = column.begin; m < column.end; m++) sum += a.d[((b * a.heads + h) * a.n + n) * a.m + m];
    a.mask[i] = sum;
}
