#include "device.h"

constexpr u32 Threads = 256, Columns = Warp, Together = 8;

template <typename T> struct Forward { const T* x; const T* branch; const T* gamma; const float* factors; T* y; u32 count, example, c; };

// y = x + m gamma b; examples have so many elements. Four elements a thread.
template <typename T> DEVICE void forward(const Forward<T>& p)
{
    u32 i = (blockX() * Threads + threadX()) * 4;
    if (i >= p.count) return;
    if (p.c % 4 == 0 && ((u64)p.x | (u64)p.branch | (u64)p.gamma | (u64)p.y) % (4 * sizeof(T)) == 0)
    {
        float4 x = four(p.x + i), b = four(p.branch + i), g = p.factors ? p.factors[i / p.example] : 1, y;
        if (p.gamma) g *= four(p.gamma + i % p.c);
        UNROLL for (int k = 0; k < 4; k++) y[k] = multiplyAdd(g[k], b[k], x[k]);
        putFour(p.y + i, y);
        return;
    }
    LOOP for (u32 end = least(p.count - i, 4) + i; i < end; i++)
    {
        float m = p.factors ? p.factors[i / p.example] : 1;
        p.y[i] = multiplyAdd(p.gamma ? m * p.gamma[i % p.c] : m, p.branch[i], p.x[i]);
    }
}

KERNELS(Threads, residualForward, Forward, forward)

template <typename T> struct Backward { const T* dy; const T* branch; const T* gamma; const float* factors; T* dBranch; float* partial; u32 rows, exampleRows, c, sliceRows; };

// m gamma dy, and the sums of m b dy over a slice of rows: partial [slice, c]. Either may be missing. Always in the same order.
template <typename T> DEVICE void backward(const Backward<T>& p)
{
    SHARED float sums[Together][Columns];
    u32 lane = threadX(), part = threadY(), across = (p.c + Columns - 1) / Columns, slice = blockX() / across, column = (blockX() - slice * across) * Columns + lane;
    u32 end = least(p.rows, (slice + 1) * p.sliceRows);
    float sum = 0;
    if (column < p.c)
    {
        float gamma = elementOr(p.gamma, column, 1);
        LOOP for (u32 row = slice * p.sliceRows + part; row < end; row += Together)
        {
            u32 at = row * p.c + column;
            float g = p.dy[at];
            if (p.factors) g *= p.factors[row / p.exampleRows];
            if (p.partial) sum = multiplyAdd(g, p.branch[at], sum);
            if (p.dBranch) p.dBranch[at] = g * gamma;
        }
    }
    sums[part][lane] = sum;
    barrier();
    if (!p.partial || part > 0 || column >= p.c) return;
    UNROLL for (int i = 1; i < Together; i++) sum += sums[i][lane];
    p.partial[(u64)slice * p.c + column] = sum;
}

KERNELS(Columns * Together, residualBackward, Backward, backward)
