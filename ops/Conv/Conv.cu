#include "device.h"

constexpr int Tile = 32, Together = 8;

template <typename T> struct Turn { const T* from; T* to; int rows, columns; };

// to [columns, rows] = from [rows, columns], a square at a time: both are read and written along their rows.
template <typename T> DEVICE void turn(const Turn<T>& a)
{
    SHARED T tile[Tile][Tile + 1];
    int column = blockX() * Tile + threadX(), row = blockY() * Tile;
    if (column < a.columns)
        for (int i = threadY(); i < Tile && row + i < a.rows; i += Together) tile[i][threadX()] = a.from[(u64)(row + i) * a.columns + column];
    barrier();
    column = blockX() * Tile;
    row += threadX();
    if (row < a.rows)
        for (int i = threadY(); i < Tile && column + i < a.columns; i += Together) a.to[(u64)(column + i) * a.rows + row] = tile[threadX()][i];
}

KERNELS(Tile * Together, convTurn, Turn, turn)
