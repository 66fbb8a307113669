#include "columns.h"

struct Slices { const float* partial; float* sums; int slices, width; };

// Sums of the slices, always in the same order. Here blocks are numbered along the columns.
KERNEL(Columns * Together) partialsSum(const Slices a)
{
    int column = blockX() * Columns + threadX();
    float sum = 0;
    if (column < a.width)
        for (int slice = threadY(); slice < a.slices; slice += Together) sum += a.partial[(u64)slice * a.width + column];
    sum = columnSum(sum);
    if (threadY() == 0 && column < a.width) a.sums[column] = sum;
}
