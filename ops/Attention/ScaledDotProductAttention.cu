#include "device.h"

struct Mask { int batch, head, row, column; };      // elements from one to the next, 0 where all share one
template <typename T> struct Rows { T* p; T* d; T* mask; int batch, heads, n, m, maskCount; Mask steps; float scale; };

// p = softmax(scale p + mask) of a row. Scores are taken anew instead of being stored, as that would round them.
template <int Threads, typename T> DEVICE void softmax(const Rows<T>& a)
{
    u32 row = teamRow<Threads>(), first = teamMember<Threads>(), head = row / a.n, m = a.m;
    if (row >= (u32)(a.batch * a.heads * a.n)) return;
    T* p = a.p + (u64)row * m;
    const T* mask = a.mask + (u64)(head / a.heads) * a.steps.batch + (u64)(head % a.heads) * a.steps.head + (u64)(row % a.n) * a.steps.row;
    auto score = [=](u32 j) { return a.mask ? p[j] * a.scale + mask[j * a.steps.column] : p[j] * a.scale; };
    float most = -__builtin_inff(), sum = 0;
    for (u32 j = first; j < m; j += Threads) most = larger(most, score(j));
    most = teamLargest<Threads>(most);
    for (u32 j = first; j < m; j += Threads) sum += exponential(score(j) - most);
    float share = divide(1, teamSum<Threads>(sum));
    for (u32 j = first; j < m; j += Threads) p[j] = exponential(score(j) - most) * share;
}

// d = p (d - the sum of p d) of a row.
template <int Threads, typename T> DEVICE void slope(const Rows<T>& a)
{
    u32 row = teamRow<Threads>(), first = teamMember<Threads>(), m = a.m;
    if (row >= (u32)(a.batch * a.heads * a.n)) return;
    const T* p = a.p + (u64)row * m;
    T* d = a.d + (u64)row * m;
    float sum = 0;
    for (u32 j = first; j < m; j += Threads) sum = multiplyAdd(p[j], d[j], sum);
    sum = teamSum<Threads>(sum);
    for (u32 j = first; j < m; j += Threads) d[j] = p[j] * (d[j] - sum);
}

KERNELS(TeamBlock, attentionSoftmaxWarps, Rows, softmax<Warp>)
KERNELS(TeamBlock, attentionSoftmaxBlocks, Rows, softmax<TeamBlock>)
KERNELS(TeamBlock, attentionSlopeWarps, Rows, slope<Warp>)
KERNELS(TeamBlock, attentionSlopeBlocks, Rows, slope<TeamBlock>)

template <typename T> DEVICE void scale(const Rows<T>& a)
{
    u32 i = (u32)blockX() * 256 + threadX();
    if (i < (u32)(a.batch * a.heads * a.n * a.m)) a.d[i] = a.d[i] * a.scale;
}

KERNELS(256, attentionScale, Rows, scale)

struct Span { u32 begin, end; };

// The scores along an axis that an element of the mask was added to.
DEVICE Span scores(u32 element, u32 step, u32 size)
{
    if (step == 0) return { 0, size };
    u32 i = element / step % size;
    return { i, i + 1 };
}

// The slope of an element of the mask by a thread: those of all scores it was added to, in order.
template <typename T> DEVICE void maskSlopes(const Rows<T>& a)
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

KERNELS(256, attentionMask, Rows, maskSlopes)
