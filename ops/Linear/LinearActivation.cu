#include "formula.h"

constexpr u32 Threads = 256, Columns = Warp, Together = 8;

template <typename T> struct Value { Constants constants; T* h; const T* bias; T* y; u32 count, columns, keeps; };

// h += bias of its column and y = f(h); h is written where somebody keeps it. Four elements a thread.
template <typename T> DEVICE void value(const Value<T>& p)
{
    u32 i = (blockX() * Threads + threadX()) * 4;
    if (i >= p.count) return;
    u32 column = i % p.columns;
    if (p.columns % 4 == 0 && ((u64)p.h | (u64)p.bias | (u64)p.y) % (4 * sizeof(T)) == 0)
    {
        float4 h = together(p.h + i), y;
        if (p.bias) h += four(p.bias + column);
        if (p.keeps) putFour(p.h + i, h);
        UNROLL for (int k = 0; k < 4; k++) y[k] = formula(h[k]);
        putFour(p.y + i, y);
        return;
    }
    LOOP for (u32 end = least(p.count - i, 4) + i; i < end; i++)
    {
        float h = p.h[i];
        if (p.bias) h += p.bias[column];
        if (p.keeps) p.h[i] = h;
        p.y[i] = formula(h);
        if (++column == p.columns) column = 0;
    }
}

KERNELS(Threads, linearValue, Value, value)

template <typename T> struct Slope { Constants constants; const T* saved; const T* dy; T* dh; float* partial; u32 rows, columns, sliceRows; };

// dh = f'(saved, dy), and its column sums over a slice of rows: partial [slice, columns]. Always in the same order.
template <typename T> DEVICE void slope(const Slope<T>& p)
{
    SHARED float sums[Together][Columns];
    u32 lane = threadX(), part = threadY(), across = (p.columns + Columns - 1) / Columns, slice = blockX() / across, column = (blockX() - slice * across) * Columns + lane;
    u32 end = least(p.rows, (slice + 1) * p.sliceRows);
    float sum = 0;
    if (column < p.columns)
        LOOP for (u32 row = slice * p.sliceRows + part; row < end; row += Together)
        {
            u32 at = row * p.columns + column;
            float dh = formula(p.saved[at], p.dy[at]);
            p.dh[at] = dh;
            sum += dh;
        }
    sums[part][lane] = sum;
    barrier();
    if (part > 0 || column >= p.columns) return;
    UNROLL for (int i = 1; i < Together; i++) sum += sums[i][lane];
    p.partial[(u64)slice * p.columns + column] = sum;
}

KERNELS(Columns * Together, linearSlope, Slope, slope)
