// What the gradients of the norms have in common.
#pragma once
#include "../Reductions/columns.h"

// Sums of dy h and of dy over rows [begin, end) into sums [2, c], for the columns of this block; h = (x - mean) inverse with the (mean, inverse) of a row.
template <typename T, typename Statistics> DEVICE void slopeSums(const T* x, const T* dy, int c, int begin, int end, float* sums, Statistics statistics)
{
    int column = ownColumn();
    float gamma = 0, beta = 0;
    if (column < c)
        for (int row = begin + threadY(); row < end; row += Together)
        {
            u64 at = (u64)row * c + column;
            float2 s = statistics(row);
            gamma = multiplyAdd(dy[at], (x[at] - s.x) * s.y, gamma);
            beta += dy[at];
        }
    gamma = columnSum(gamma);
    beta = columnSum(beta);
    if (threadY() > 0 || column >= c) return;
    sums[column] = gamma;
    sums[c + column] = beta;
}
