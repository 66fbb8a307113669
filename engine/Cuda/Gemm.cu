#include "device.h"

constexpr int Tile = 64, Depth = 16, Threads = 128;     // of C, of K at a time
constexpr int Rows = 8, Columns = 4;                    // of a thread
constexpr int Sector = 8;                                // elements that memory hands over at once
constexpr int Pitch = Tile + 4;                         // keeps groups of four aligned
constexpr int Loads = Tile * Depth / Threads;           // of each operand, by a thread

// What is summed is float; of bf16 factors it is rounded by gemmFinish, which also adds their bias.
template <typename T> struct Gemm
{
    const T* a;
    const T* b;
    float* c;
    const float* bias;
    u64 batchA, batchB, batchC;
    int m, n, k, leadingA, leadingB, leadingC, slices, sliceDepth, batch, accumulate;
};

// Which element of a tile a thread loads: neighbours in memory by neighbouring threads, as far as a sector, so that a warp stores to all banks.
template <bool Transposed> DEVICE void element(int load, int& row, int& k)
{
    int i = load * Threads + threadX();
    row = Transposed ? i % Tile : i / Sector % Tile;
    k = Transposed ? i / Tile : i % Sector + i / (Sector * Tile) * Sector;
}

// Elements [row, k] of an operand whose rows are the tile's, or whose columns are if it is transposed; zero outside.
template <bool Transposed, typename T> DEVICE void fetch(const T* x, int leading, int rows, int from, int depth, float (&values)[Loads])
{
    UNROLL for (int i = 0; i < Loads; i++)
    {
        int row, k;
        element<Transposed>(i, row, k);
        k += from;
        values[i] = row < rows && k < depth ? (float)x[Transposed ? (u64)k * leading + row : (u64)row * leading + k] : 0;
    }
}

template <bool Transposed> DEVICE void put(const float (&values)[Loads], float (*tile)[Pitch])
{
    UNROLL for (int i = 0; i < Loads; i++)
    {
        int row, k;
        element<Transposed>(i, row, k);
        tile[k][row] = values[i];
    }
}

// A square of C by a block: what comes next of A and B is fetched into registers while the product of what lies in shared memory is taken. With slices, c is [slice, batch, m, n].
template <bool TransposeA, bool TransposeB, typename T> DEVICE void gemm(const Gemm<T>& p)
{
    __attribute__((shared)) static float tileA[Depth][Pitch], tileB[Depth][Pitch];
    int across = (p.n + Tile - 1) / Tile, down = (p.m + Tile - 1) / Tile;
    u32 item = blockX(), rest = item / across;
    int n = (item - rest * across) * Tile, m = rest % down * Tile;
    rest /= down;
    int slice = rest / p.batch, batch = rest - slice * p.batch;
    int first = slice * p.sliceDepth, depth = smaller(p.k - first, p.sliceDepth), rows = p.m - m, columns = p.n - n;
    const T* a = p.a + batch * p.batchA + (TransposeA ? (u64)first * p.leadingA + m : (u64)m * p.leadingA + first);
    const T* b = p.b + batch * p.batchB + (TransposeB ? (u64)n * p.leadingB + first : (u64)first * p.leadingB + n);

    int row = threadX() / (Tile / Columns) * Rows, column = threadX() % (Tile / Columns) * Columns;
    float sums[Rows][Columns] = {}, nextA[Loads], nextB[Loads];
    fetch<TransposeA>(a, p.leadingA, rows, 0, depth, nextA);
    fetch<!TransposeB>(b, p.leadingB, columns, 0, depth, nextB);
    LOOP for (int k = 0; k < depth; k += Depth)
    {
        barrier();
        put<TransposeA>(nextA, tileA);
        put<!TransposeB>(nextB, tileB);
        barrier();
        fetch<TransposeA>(a, p.leadingA, rows, k + Depth, depth, nextA);
        fetch<!TransposeB>(b, p.leadingB, columns, k + Depth, depth, nextB);
        UNROLL for (int i = 0; i < Depth; i++)
        {
            float4 low = *(const float4*)&tileA[i][row], high = *(const float4*)&tileA[i][row + 4], right = *(const float4*)&tileB[i][column];
            UNROLL for (int r = 0; r < Rows; r++)
                UNROLL for (int q = 0; q < Columns; q++) sums[r][q] = multiplyAdd(r < 4 ? low[r] : high[r - 4], right[q], sums[r][q]);
        }
    }

    float* c = p.c + (p.slices > 1 ? ((u64)slice * p.batch + batch) * p.m * p.n : batch * p.batchC) + (u64)(m + row) * p.leadingC + n + column;
    bool whole = column + Columns <= columns && p.leadingC % 4 == 0 && (u64)c % sizeof(float4) == 0;
    float4 bias = {};
    UNROLL for (int q = 0; q < Columns; q++) if (p.bias && column + q < columns) bias[q] = p.bias[n + column + q];
    UNROLL for (int r = 0; r < Rows; r++, c += p.leadingC)
    {
        if (row + r >= rows) break;
        float4 sum = float4{ sums[r][0], sums[r][1], sums[r][2], sums[r][3] } + bias;
        if (whole) *(float4*)c = p.accumulate ? *(const float4*)c + sum : sum;
        else
            UNROLL for (int q = 0; q < Columns; q++)
                if (column + q < columns) c[q] = p.accumulate ? c[q] + sum[q] : sum[q];
    }
}

KERNELS(Threads, gemm, Gemm, gemm<false, false>)
KERNELS(Threads, gemmA, Gemm, gemm<true, false>)
KERNELS(Threads, gemmB, Gemm, gemm<false, true>)
KERNELS(Threads, gemmAB, Gemm, gemm<true, true>)

template <typename T> struct Finish { const float* partial; T* c; const T* bias; u64 batchC; u32 m, n, leadingC, size; int slices, accumulate; };

// C (+)= the slices [slice, batch, m, n] in order, none if there is no partial, and the bias of its column. Size: batch m n.
template <typename T> DEVICE void finish(const Finish<T>& p)
{
    u32 i = (u32)blockX() * 256 + threadX(), row = i / p.n, column = i - row * p.n, batch = row / p.m;
    if (i >= p.size) return;
    T* c = p.c + batch * p.batchC + (u64)(row - batch * p.m) * p.leadingC + column;
    float sum = p.accumulate ? (float)*c : 0;
    if (p.bias) sum += p.bias[column];
    for (int slice = 0; slice < p.slices; slice++) sum += p.partial[(u64)slice * p.size + i];
    *c = sum;
}

KERNELS(256, gemmFinish, Finish, finish)
