#include "slopes.h"

template <typename T> struct Moments { const T* x; float* partial; int rows, c, sliceRows; };

// Mean and squared deviations from it of the rows of a slice: partial [slice, 2, c]. The second look at the slice comes from cache.
template <typename T> DEVICE void moments(const Moments<T>& a)
{
    int column = ownColumn(), begin = blockX() * a.sliceRows, end = smaller(a.rows, begin + a.sliceRows), last = column < a.c ? end : 0;
    float sum = 0, squares = 0;
    for (int row = begin + threadY(); row < last; row += Together) sum += a.x[(u64)row * a.c + column];
    float mean = divide(columnSum(sum), end - begin);
    for (int row = begin + threadY(); row < last; row += Together)
    {
        float d = a.x[(u64)row * a.c + column] - mean;
        squares = multiplyAdd(d, d, squares);
    }
    squares = columnSum(squares);
    if (threadY() > 0 || column >= a.c) return;
    float* partial = a.partial + (u64)blockX() * 2 * a.c;
    partial[column] = mean;
    partial[a.c + column] = squares;
}

KERNELS(Columns * Together, batchNormMoments, Moments, moments)

struct Merge { const float* partial; float* runningMean; float* runningVariance; float* statistics; int rows, c, sliceRows, slices; float momentum, epsilon; };

// (mean, inverse deviation) of all rows from those of the slices, in order; running ones are moved towards them. Here blocks are numbered along the columns.
KERNEL(Columns * Together) batchNormMerge(const Merge a)
{
    int column = blockX() * Columns + threadX(), last = column < a.c ? a.slices : 0;
    float sum = 0, squares = 0, n = a.rows;
    for (int slice = threadY(); slice < last; slice += Together)
    {
        float rows = smaller(a.sliceRows, a.rows - slice * a.sliceRows);
        sum = multiplyAdd(rows, a.partial[(u64)slice * 2 * a.c + column], sum);
    }
    float mean = divide(columnSum(sum), n);
    for (int slice = threadY(); slice < last; slice += Together)
    {
        const float* partial = a.partial + (u64)slice * 2 * a.c + column;
        float rows = smaller(a.sliceRows, a.rows - slice * a.sliceRows), d = partial[0] - mean;
        squares += multiplyAdd(rows * d, d, partial[a.c]);
    }
    squares = columnSum(squares);
    if (threadY() > 0 || column >= a.c) return;
    a.statistics[column] = mean;
    a.statistics[a.c + column] = divide(1, squareRoot(divide(squares, n) + a.epsilon));
    if (a.runningMean) a.runningMean[column] += a.momentum * (mean - a.runningMean[column]);
    if (a.runningVariance) a.runningVariance[column] += a.momentum * (divide(squares, n - 1) - a.runningVariance[column]);
}

struct Frozen { const float* runningMean; const float* runningVariance; float* statistics; int c; float epsilon; };

// (mean, inverse deviation) from the running ones.
KERNEL(256) batchNormFrozen(const Frozen a)
{
    int i = blockX() * 256 + threadX();
    if (i >= a.c) return;
    a.statistics[i] = a.runningMean[i];
    a.statistics[a.c + i] = divide(1, squareRoot(a.runningVariance[i] + a.epsilon));
}

template <typename T> struct Apply { const T* x; const T* gamma; const T* beta; const float* statistics; T* y; int rows, c, sliceRows; };

// y of a slice.
template <typename T> DEVICE void apply(const Apply<T>& a)
{
    int column = ownColumn(), begin = blockX() * a.sliceRows, end = smaller(a.rows, begin + a.sliceRows);
    if (column >= a.c) return;
    float mean = a.statistics[column], inverse = a.statistics[a.c + column], gamma = elementOr(a.gamma, column, 1), beta = elementOr(a.beta, column, 0);
    for (int row = begin + threadY(); row < end; row += Together)
    {
        u64 at = (u64)row * a.c + column;
        a.y[at] = multiplyAdd((a.x[at] - mean) * inverse, gamma, beta);
    }
}

KERNELS(Columns * Together, batchNormApply, Apply, apply)

template <typename T> struct Sums { const T* x; const T* dy; const float* statistics; float* partial; int rows, c, sliceRows; };

// Sums of dy h and of dy over the rows of a slice: partial [slice, 2, c].
template <typename T> DEVICE void sums(const Sums<T>& a)
{
    int column = smaller(ownColumn(), a.c - 1), begin = blockX() * a.sliceRows;
    float2 s = { a.statistics[column], a.statistics[a.c + column] };
    slopeSums(a.x, a.dy, a.c, begin, smaller(a.rows, begin + a.sliceRows), a.partial + (u64)blockX() * 2 * a.c, [=](int) { return s; });
}

KERNELS(Columns * Together, batchNormSums, Sums, sums)

template <typename T> struct Input { const T* x; const T* gamma; const T* dy; const float* statistics; const float* sums; T* dx; int rows, c, sliceRows; float share; };

// dx of a slice; the share of a row in the statistics is 0 where they are constants.
template <typename T> DEVICE void input(const Input<T>& a)
{
    int column = ownColumn(), begin = blockX() * a.sliceRows, end = smaller(a.rows, begin + a.sliceRows);
    if (column >= a.c) return;
    float mean = a.statistics[column], inverse = a.statistics[a.c + column], scale = a.gamma ? a.gamma[column] * inverse : inverse;
    float gamma = a.sums[column] * a.share, beta = a.sums[a.c + column] * a.share;
    for (int row = begin + threadY(); row < end; row += Together)
    {
        u64 at = (u64)row * a.c + column;
        float h = (a.x[at] - mean) * inverse;
        a.dx[at] = scale * (a.dy[at] - multiplyAdd(h, gamma, beta));
    }
}

KERNELS(Columns * Together, batchNormInput, Input, input)
