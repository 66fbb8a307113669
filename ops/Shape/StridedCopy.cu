#include "device.h"

constexpr u32 Threads = 256, Axes = 8, Tile = 32, TileRows = 8;

template <typename T> struct Copy { const T* from; T* to; u32 dims[Axes], fromSteps[Axes], toSteps[Axes]; int rank; u32 count; };

// An element a thread; the last axis runs fastest.
template <typename T> DEVICE void copy(const Copy<T>& p)
{
    u32 i = blockX() * Threads + threadX(), from = 0, to = 0;
    if (i >= p.count) return;
    LOOP for (int d = p.rank - 1; d > 0; d--)
    {
        u32 outer = i / p.dims[d], at = i - outer * p.dims[d];
        from += at * p.fromSteps[d];
        to += at * p.toSteps[d];
        i = outer;
    }
    p.to[to + i * p.toSteps[0]] = p.from[from + i * p.fromSteps[0]];
}

KERNELS(Threads, stridedCopy, Copy, copy)

// A square a block of the last two axes, of which the first lies dense in from and the second in to: both are read and written along their rows.
template <typename T> DEVICE void copyTurned(const Copy<T>& p)
{
    SHARED T tile[Tile][Tile + 1];
    int rank = p.rank;
    u32 rows = p.dims[rank - 2], columns = p.dims[rank - 1], across = (columns + Tile - 1) / Tile, down = (rows + Tile - 1) / Tile;
    u32 outer = (u32)blockX() / across, column = (blockX() - outer * across) * Tile, rest = outer / down, row = (outer - rest * down) * Tile, from = 0, to = 0;
    LOOP for (int d = rank - 3; d >= 0; d--)
    {
        u32 next = rest / p.dims[d], at = rest - next * p.dims[d];
        from += at * p.fromSteps[d];
        to += at * p.toSteps[d];
        rest = next;
    }
    u32 lane = threadX(), fromStep = p.fromSteps[rank - 1], toStep = p.toSteps[rank - 2];
    if (row + lane < rows)
        for (u32 i = threadY(); i < Tile && column + i < columns; i += TileRows) tile[i][lane] = p.from[from + row + lane + (column + i) * fromStep];
    barrier();
    if (column + lane < columns)
        for (u32 i = threadY(); i < Tile && row + i < rows; i += TileRows) p.to[to + (row + i) * toStep + column + lane] = tile[lane][i];
}

KERNELS(Tile * TileRows, stridedCopyTurned, Copy, copyTurned)
