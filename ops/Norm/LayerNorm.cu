#include "slopes.h"

constexpr int Rows = 8;                 // of a block, a warp each

template <typename T> struct Forward { const T* x; const T* gamma; const T* beta; float* statistics; T* y; int rows, c; float epsilon; };

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

// y and (mean, inverse deviation) of a row by a warp that reads it once.
template <int Fours, typename T> DEVICE void forward(const Forward<T>& a)
{
    int row = blockX() * Rows + threadY();
    if (row >= a.rows) return;
    const T* x = a.x + (u64)row * a.c;
    Row<Fours> own, d, squares;
    own.fill(a.c, [=](int at, int) { return four(x + at); });
    float mean = own.mean(a.c);
    d.fill(a.c, [&](int, int k) { return own.values[k] - mean; });
    squares.fill(a.c, [&](int, int k) { return d.values[k] * d.values[k]; });
    float inverse = divide(1, squareRoot(squares.mean(a.c) + a.epsilon));
    UNROLL for (int k = 0; k < Fours; k++)
    {
        int at = (threadX() + k * Warp) * 4;
        if (at >= a.c) continue;
        float4 h = d.values[k] * inverse;
        if (a.gamma) h *= four(a.gamma + at);
        if (a.beta) h += four(a.beta + at);
        putFour(a.y + (u64)row * a.c + at, h);
    }
    if (threadX() == 0) *(float2*)(a.statistics + 2 * (u64)row) = float2{ mean, inverse };
}

KERNELS(Rows * Warp, layerNormForward1, Forward, forward<1>)
KERNELS(Rows * Warp, layerNormForward2, Forward, forward<2>)
KERNELS(Rows * Warp, layerNormForward4, Forward, forward<4>)
KERNELS(Rows * Warp, layerNormForward8, Forward, forward<8>)

// The same for rows of any length: the second and third look at the row come from cache.
template <typename T> DEVICE void forwardAny(const Forward<T>& a)
{
    int lane = threadX(), row = blockX() * Rows + threadY();
    if (row >= a.rows) return;
    const T* x = a.x + (u64)row * a.c;
    T* y = a.y + (u64)row * a.c;
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

KERNELS(Rows * Warp, layerNormForward, Forward, forwardAny)

template <typename T> struct Backward { const T* x; const T* gamma; const T* dy; const float* statistics; T* dx; float* partial; int rows, c, sliceRows; };

// dx of the rows of a slice, each by a warp that reads x and dy once, and the sums of dy h and of dy over the slice, unless there is nowhere to put them: partial [slice, 2, c]. Always in the same order.
// Rows of eight fours leave too few registers for sums.
template <int Fours, bool Sums, typename T> DEVICE void backward(const Backward<T>& a)
{
    SHARED float4 sums[Rows][2][Warp];
    int begin = blockX() * a.sliceRows, end = smaller(a.rows, begin + a.sliceRows);
    Row<Fours> dGamma = {}, dBeta = {};
    LOOP for (int row = begin + threadY(); row < end; row += Rows)
    {
        const T* x = a.x + (u64)row * a.c, *dy = a.dy + (u64)row * a.c;
        float2 s = *(const float2*)(a.statistics + 2 * (u64)row);
        Row<Fours> h, g, gh;
        h.fill(a.c, [=](int at, int) { return (four(x + at) - s.x) * s.y; });
        g.fill(a.c, [=](int at, int) { return four(dy + at); });
        UNROLL for (int k = 0; k < Fours && Sums; k++)
        {
            dGamma.values[k] += g.values[k] * h.values[k];
            dBeta.values[k] += g.values[k];
        }
        if (a.gamma) g.fill(a.c, [&](int at, int k) { return g.values[k] * four(a.gamma + at); });
        gh.fill(a.c, [&](int, int k) { return g.values[k] * h.values[k]; });
        float meanG = g.mean(a.c), meanGh = gh.mean(a.c);
        UNROLL for (int k = 0; k < Fours; k++)
        {
            int at = (threadX() + k * Warp) * 4;
            if (at < a.c) putFour(a.dx + (u64)row * a.c + at, s.y * (g.values[k] - meanG - h.values[k] * meanGh));
        }
    }
    if (!Sums || !a.partial) return;
    int own = threadY() * Warp + threadX(), which = own / (4 * Warp), place = own % (4 * Warp);
    UNROLL for (int k = 0; k < Fours; k++)
    {
        if (k > 0) barrier();
        sums[threadY()][0][threadX()] = dGamma.values[k];
        sums[threadY()][1][threadX()] = dBeta.values[k];
        barrier();
        float sum = 0;
        UNROLL for (int i = 0; i < Rows; i++) sum += ((const float*)sums[i][which])[place];
        int column = k * 4 * Warp + place;
        if (column < a.c) a.partial[((u64)blockX() * 2 + which) * a.c + column] = sum;
    }
}

KERNELS(Rows * Warp, layerNormBackward1, Backward, backward<1, true>)
KERNELS(Rows * Warp, layerNormBackward2, Backward, backward<2, true>)
KERNELS(Rows * Warp, layerNormBackward4, Backward, backward<4, true>)
KERNELS(Rows * Warp, layerNormBackward8, Backward, backward<8, false>)

// dx of rows of any length.
template <typename T> DEVICE void inputAny(const Backward<T>& a)
{
    int lane = threadX(), row = blockX() * Rows + threadY();
    if (row >= a.rows) return;
    const T* x = a.x + (u64)row * a.c, *dy = a.dy + (u64)row * a.c;
    T* dx = a.dx + (u64)row * a.c;
    float mean = a.statistics[2 * (u64)row], inverse = a.statistics[2 * (u64)row + 1], n = a.c, sumG = 0, sumGh = 0;
    for (int i = lane; i < a.c; i += Warp)
    {
        float g = a.gamma ? dy[i] * a.gamma[i] : (float)dy[i];
        sumG += g;
        sumGh = multiplyAdd(g, (x[i] - mean) * inverse, sumGh);
    }
    float meanG = divide(warpSum(sumG), n), meanGh = divide(warpSum(sumGh), n);
    for (int i = lane; i < a.c; i += Warp)
    {
        float g = a.gamma ? dy[i] * a.gamma[i] : (float)dy[i];
        dx[i] = inverse * (g - meanG - (x[i] - mean) * inverse * meanGh);
    }
}

KERNELS(Rows * Warp, layerNormInput, Backward, inputAny)

// The sums of rows of any length.
template <typename T> DEVICE void parameters(const Backward<T>& a)
{
    int begin = blockX() * a.sliceRows;
    slopeSums(a.x, a.dy, a.c, begin, smaller(a.rows, begin + a.sliceRows), a.partial + (u64)blockX() * 2 * a.c, [=](int row) { return *(const float2*)(a.statistics + 2 * (u64)row); });
}

KERNELS(Columns * Together, layerNormParameters, Backward, parameters)
