#include "device.h"

constexpr u32 Threads = 256, Warps = 8;

template <typename T> struct Select { const T* x; const u32* index; T* y; u32 outer, size, selected, inner; };

// y [outer, selected, inner] = the elements x [outer, index, inner]; an index that names none of size is a fault.
template <typename T> DEVICE void select(const Select<T>& p)
{
    u32 i = blockX() * Threads + threadX(), row = i / p.inner, o = row / p.selected;
    if (o >= p.outer) return;
    u32 index = p.index[row - o * p.selected];
    if (index >= p.size) __builtin_trap();
    p.y[i] = p.x[(o * p.size + index) * p.inner + i - row * p.inner];
}

KERNELS(Threads, indexSelect, Select, select)

template <typename T> struct Accumulate { T* dx; const u32* index; const T* dy; u32 outer, size, selected, inner; };

// dx [outer, size, inner] += the rows of dy [outer, selected, inner] whose index names it, in order: a warp goes over all indices for 32 columns of a row of dx.
template <typename T> DEVICE void accumulate(const Accumulate<T>& p)
{
    u32 lane = threadX(), item = blockX() * Warps + threadY(), columns = (p.inner + Warp - 1) / Warp, row = item / columns, column = (item - row * columns) * Warp + lane;
    u32 o = row / p.size, wanted = row - o * p.size;
    if (o >= p.outer) return;
    float sum = 0;
    LOOP for (u32 first = 0; first < p.selected; first += Warp)
    {
        u32 found = ballot(first + lane < p.selected && p.index[first + lane] == wanted);
        LOOP for (; found != 0; found &= found - 1)
        {
            u32 j = first + __builtin_ctz(found);
            if (column < p.inner) sum += p.dy[(o * p.selected + j) * p.inner + column];
        }
    }
    if (column < p.inner) p.dx[row * p.inner + column] = p.dx[row * p.inner + column] + sum;
}

KERNELS(Warps * Warp, indexAccumulate, Accumulate, accumulate)
