#include "slopes.h"

constexpr int Rows = 8;                 // of a block, a warp each

struct Forward { const float* x; const float* gamma; const float* beta; float* statistics; float* y; int rows, c; float epsilon; };

// y and (mean, inverse deviation) of a row by a warp; the second and third look at the row come from cache.
KERNEL(Rows * Warp) layerNormForward(const Forward a)
{
    int lane = threadX(), row = blockX() * Rows + threadY();
    if (row >= a.rows) return;
    const float* x = a.x + (u64)row * a.c;
    float* y = a.y + (u64)row * a.c;
    float n = a.c, sum = 0, squares = 0;
    for (int i = lane; i < a.c; i += Warp) sum += x[i];
    float mean = divide(warpSum(sum), n);
    for (int i = lane; i < a.c; i += Warp)
    {
        float d = x[i] - mean;
        squares = multiplyAdd(d, d, squares);
    }
    float inverse = divide(1, squareRoot(divide(warpSum(squares), n) + a.epsilon));
    for (int i = lane; i < a.c; i += Warp)
    {
        float h = (x[i] - mean) * inverse;
        if (a.gamma) h *= a.gamma[i];
        if (a.beta) h += a.beta[i];
        y[i] = h;
    }
    if (lane == 0) *(float2*)(a.statistics + 2 * (u64)row) = float2{ mean, inverse };
}

struct Input { const float* x; const float* gamma; const float* dy; const float* statistics; float* dx; int rows, c; };

// dx of a row by a warp.
KERNEL(Rows * Warp) layerNormInput(const Input a)
{
    int lane = threadX(), row = blockX() * Rows + threadY();
    if (row >= a.rows) return;
    const float* x = a.x + (u64)row * a.c, *dy = a.dy + (u64)row * a.c;
    float* dx = a.dx + (u64)row * a.c;
    float mean = a.statistics[2 * (u64)row], inverse = a.statistics[2 * (u64)row + 1], n = a.c, sumG = 0, sumGh = 0;
    for (int i = lane; i < a.c; i += Warp)
    {
        float g = a.gamma ? dy[i] * a.gamma[i] : dy[i];
        sumG += g;
        sumGh = multiplyAdd(g, (x[i] - mean) * inverse, sumGh);
    }
    float meanG = divide(warpSum(sumG), n), meanGh = divide(warpSum(sumGh), n);
    for (int i = lane; i < a.c; i += Warp)
    {
        float g = a.gamma ? dy[i] * a.gamma[i] : dy[i];
        dx[i] = inverse * (g - meanG - (x[i] - mean) * inverse * meanGh);
    }
}

struct Parameters { const float* x; const float* dy; const float* statistics; float* partial; int rows, c, sliceRows; };

// Sums of dy h and of dy over the rows of a slice: partial [slice, 2, c].
KERNEL(Columns * Together) layerNormParameters(const Parameters a)
{
    int begin = blockX() * a.sliceRows;
    slopeSums(a.x, a.dy, a.c, begin, smaller(a.rows, begin + a.sliceRows), a.partial + (u64)blockX() * 2 * a.c, [=](int row) { return *(const float2*)(a.statistics + 2 * (u64)row); });
}
