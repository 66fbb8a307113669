#include "columns.h"

template <typename T> struct Slices { const float* partial; T* sums; int slices, width; };

// Sums of the slices, always in the same order. Here blocks are numbered along the columns.
template <typename T> DEVICE void sum(const Slices<T>& a)
{
    int column = blockX() * Columns + threadX();
    float total = 0;
    if (column < a.width)
        for (int slice = threadY(); slice < a.slices; slice += Together) total += a.partial[(u64)slice * a.width + column];
    total = columnSum(total);
    if (threadY() == 0 && column < a.width) a.sums[column] = total;
}

KERNELS(Columns * Together, partialsSum, Slices, sum)
