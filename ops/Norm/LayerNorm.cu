#include "slopes.h"

constexpr int Rows = 8;                 // of a block, a warp each

struct Forward { const float* x; const float* gamma; const float* beta; float* statistics; float* y; int rows, c; float epsilon; };

// A row of whole fours, so many for each lane, in registers.
template <int Fours> struct Row
{
    float4 values[Fours];

    // What f makes of the place of each four in the row.
    template <typename Make> __attribute__((device, always_inline)) void fill(int c, Make make)
    {
        UNROLL for (int k = 0; k < Fours; k++)
        {
            int at = (threadX() + k * Warp) * 4;
            values[k] = at < c ? make(at, k) : float4{};
        }
    }

    __attribute__((device, always_inline)) float mean(int c) const
    {
        float4 sum = values[0];
        UNROLL for (int k = 1; k < Fours; k++) sum += values[k];
        return divide(warpSum(sum.x + sum.y + (sum.z + sum.w)), c);
    }
};

DEVICE float4 four(const float* x, int at) { return *(const float4*)(x + at); }

// y and (mean, inverse deviation) of a row by a warp that reads it once.
template <int Fours> DEVICE void forward(const Forward& a)
{
    int row = blockX() * Rows + threadY();
    if (row >= a.rows) return;
    const float* x = a.x + (u64)row * a.c;
    Row<Fours> own, d, squares;
    own.fill(a.c, [=](int at, int) { return four(x, at); });
    float mean = own.mean(a.c);
    d.fill(a.c, [&](int, int k) { return own.values[k] - mean; });
    squares.fill(a.c, [&](int, int k) { return d.values[k] * d.values[k]; });
    float inverse = divide(1, squareRoot(squares.mean(a.c) + a.epsilon));
    UNROLL for (int k = 0; k < Fours; k++)
    {
        int at = (threadX() + k * Warp) * 4;
        if (at >= a.c) continue;
        float4 h = d.values[k] * inverse;
        if (a.gamma) h *= four(a.gamma, at);
        if (a.beta) h += four(a.beta, at);
        *(float4*)(a.y + (u64)row * a.c + at) = h;
    }
    if (threadX() == 0) *(float2*)(a.statistics + 2 * (u64)row) = float2{ mean, inverse };
}

KERNEL(Rows * Warp) layerNormForward1(const Forward a) { forward<1>(a); }
KERNEL(Rows * Warp) layerNormForward2(const Forward a) { forward<2>(a); }
KERNEL(Rows * Warp) layerNormForward4(const Forward a) { forward<4>(a); }
KERNEL(Rows * Warp) layerNormForward8(const Forward a) { forward<8>(a); }

// The same for rows of any length: the second and third look at the row come from cache.
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

// dx of a row by a warp that reads x and dy once.
template <int Fours> DEVICE void input(const Input& a)
{
    int row = blockX() * Rows + threadY();
    if (row >= a.rows) return;
    const float* x = a.x + (u64)row * a.c, *dy = a.dy + (u64)row * a.c;
    float2 s = *(const float2*)(a.statistics + 2 * (u64)row);
    Row<Fours> h, g, gh;
    h.fill(a.c, [=](int at, int) { return (four(x, at) - s.x) * s.y; });
    g.fill(a.c, [&](int at, int) { return a.gamma ? four(dy, at) * four(a.gamma, at) : four(dy, at); });
    gh.fill(a.c, [&](int, int k) { return g.values[k] * h.values[k]; });
    float meanG = g.mean(a.c), meanGh = gh.mean(a.c);
    UNROLL for (int k = 0; k < Fours; k++)
    {
        int at = (threadX() + k * Warp) * 4;
        if (at < a.c) *(float4*)(a.dx + (u64)row * a.c + at) = s.y * (g.values[k] - meanG - h.values[k] * meanGh);
    }
}

KERNEL(Rows * Warp) layerNormInput1(const Input a) { input<1>(a); }
KERNEL(Rows * Warp) layerNormInput2(const Input a) { input<2>(a); }
KERNEL(Rows * Warp) layerNormInput4(const Input a) { input<4>(a); }
KERNEL(Rows * Warp) layerNormInput8(const Input a) { input<8>(a); }

// The same for rows of any length.
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
