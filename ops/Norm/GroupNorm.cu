#include "slopes.h"

constexpr int Threads = 512;        // of a block that works on one group of one sample

template <typename T> struct Forward { const T* x; const T* gamma; const T* beta; float* statistics; T* y; int area, c, groups; float epsilon; };

// Visits the elements of a group, [area, width] of [area, c], Threads at a time: where they are, and which channel of the group.
template <typename Visit> DEVICE void eachOf(int area, int c, int width, Visit visit)
{
    u32 j = (u32)threadX() % width, p = (u32)threadX() / width, stepJ = (u32)Threads % width, stepP = (u32)Threads / width;
    while (p < (u32)area)
    {
        visit(p * c + j, j);
        j += stepJ;
        p += stepP;
        if (j < (u32)width) continue;
        j -= width;
        p++;
    }
}

// y and (mean, inverse deviation) of a group of a sample; the second and third look at it come from cache.
template <typename T> DEVICE void forward(const Forward<T>& a)
{
    int sample = (u32)blockX() / a.groups, group = (u32)blockX() % a.groups, width = (u32)a.c / a.groups;
    u64 start = (u64)sample * a.area * a.c + group * width;
    const T* x = a.x + start;
    T* y = a.y + start;
    float n = (float)a.area * width, sum = 0, squares = 0;
    eachOf(a.area, a.c, width, [&](u32 at, u32) { sum += x[at]; });
    float mean = divide(teamSum<Threads>(sum), n);
    eachOf(a.area, a.c, width, [&](u32 at, u32)
    {
        float d = x[at] - mean;
        squares = multiplyAdd(d, d, squares);
    });
    float inverse = divide(1, squareRoot(divide(teamSum<Threads>(squares), n) + a.epsilon));
    eachOf(a.area, a.c, width, [&](u32 at, u32 j)
    {
        float h = (x[at] - mean) * inverse;
        if (a.gamma) h *= a.gamma[group * width + j];
        if (a.beta) h += a.beta[group * width + j];
        y[at] = h;
    });
    if (threadX() == 0) *(float2*)(a.statistics + 2 * (u64)blockX()) = float2{ mean, inverse };
}

KERNELS(Threads, groupNormForward, Forward, forward)

template <typename T> struct Sums { const T* x; const T* dy; const float* statistics; float* partial; int area, c, groups; };

// Sums of dy h and of dy over a sample: partial [sample, 2, c].
template <typename T> DEVICE void sums(const Sums<T>& a)
{
    int sample = blockX(), group = (u32)smaller(ownColumn(), a.c - 1) / (u32)(a.c / a.groups);
    u64 start = (u64)sample * a.area * a.c;
    float2 s = *(const float2*)(a.statistics + 2 * ((u64)sample * a.groups + group));
    slopeSums(a.x + start, a.dy + start, a.c, 0, a.area, a.partial + (u64)sample * 2 * a.c, [=](int) { return s; });
}

KERNELS(Columns * Together, groupNormSums, Sums, sums)

template <typename T> struct Means { const float* partial; const T* gamma; float* means; int rows, area, c, groups; };

// Means of g = dy gamma and of g h over a group of a sample, by a warp, from the sums over the sample.
template <typename T> DEVICE void means(const Means<T>& a)
{
    u32 row = teamRow<Warp>();
    if (row >= (u32)a.rows) return;
    int sample = row / a.groups, width = a.c / a.groups, first = row % a.groups * width;
    const float* gamma = a.partial + (u64)sample * 2 * a.c, *beta = gamma + a.c;
    float g = 0, gh = 0, n = (float)a.area * width;
    for (int i = first + threadX(); i < first + width; i += Warp)
    {
        float scale = elementOr(a.gamma, i, 1);
        g = multiplyAdd(beta[i], scale, g);
        gh = multiplyAdd(gamma[i], scale, gh);
    }
    float2 both = { divide(warpSum(g), n), divide(warpSum(gh), n) };
    if (threadX() == 0) *(float2*)(a.means + 2 * (u64)row) = both;
}

KERNELS(TeamBlock, groupNormMeans, Means, means)

template <typename T> struct Input { const T* x; const T* gamma; const T* dy; const float* statistics; const float* means; T* dx; int area, c, groups, sliceRows, slices; };

// dx of a slice of a sample.
template <typename T> DEVICE void input(const Input<T>& a)
{
    int column = ownColumn(), sample = (u32)blockX() / a.slices, begin = (u32)blockX() % a.slices * a.sliceRows, end = smaller(a.area, begin + a.sliceRows);
    if (column >= a.c) return;
    u64 own = 2 * ((u64)sample * a.groups + (u32)column / (u32)(a.c / a.groups)), start = (u64)sample * a.area * a.c + column;
    float2 s = *(const float2*)(a.statistics + own), mean = *(const float2*)(a.means + own);
    float scale = elementOr(a.gamma, column, 1);
    for (int row = begin + threadY(); row < end; row += Together)
    {
        u64 at = start + (u64)row * a.c;
        float h = (a.x[at] - s.x) * s.y;
        a.dx[at] = s.y * (a.dy[at] * scale - mean.x - h * mean.y);
    }
}

KERNELS(Columns * Together, groupNormInput, Input, input)
