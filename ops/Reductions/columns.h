// Sums over rows, a column a lane: a block of Together warps reads so many rows of Columns neighbours at a time.
#pragma once
#include "device.h"

constexpr int Columns = Warp;
constexpr int Together = 8;

DEVICE int ownColumn() { return blockY() * Columns + threadX(); }

// The sum over the block's threads of a column, in order, for each of them; all threads must come here.
DEVICE float columnSum(float x)
{
    SHARED float sums[Together][Columns];
    barrier();
    sums[threadY()][threadX()] = x;
    barrier();
    x = 0;
    UNROLL for (int i = 0; i < Together; i++) x += sums[i][threadX()];
    return x;
}
