#include "device.h"

// Convolution as products of matrices whose tiles are gathered from images into shared memory; the matrix of all patches never exists. Along an axis, tap t of result q
// reads source q * stride + shift + t * hop, is tap tapStart + t * tapStep of the weight, and q becomes place + q * placeStep of so many places.
struct Line { int source, results, taps, stride, shift, hop, tapStart, tapStep, kernel, place, placeStep, places; };

typedef int int4 __attribute__((ext_vector_type(4)));

constexpr int Threads = 256;
constexpr int TileRows = 128, TileColumns = 64, TileDepth = 16;     // of a block's product
constexpr int RowsEach = 8, ColumnsEach = 4;                        // of a thread's
constexpr int Side = 16;                                            // threads along rows and along columns
constexpr int RowPitch = TileRows + 4, ColumnPitch = TileColumns + 4;

// In fours, which makes the compiler read fours.
struct Tiles
{
    float4 rows[TileDepth][RowPitch / 4], columns[TileDepth][ColumnPitch / 4];

    __attribute__((device)) float& row(int k, int i) { return ((float*)rows[k])[i]; }
    __attribute__((device)) float& column(int k, int i) { return ((float*)columns[k])[i]; }
};

// Adds the product of two tiles to what a thread has of it.
DEVICE void multiply(const Tiles& tiles, float (&sums)[RowsEach][ColumnsEach])
{
    int row = threadX() / Side * RowsEach / 4, column = threadX() % Side * ColumnsEach / 4;
    UNROLL for (int k = 0; k < TileDepth; k++)
    {
        float4 low = tiles.rows[k][row], high = tiles.rows[k][row + 1], b = tiles.columns[k][column];
        float as[RowsEach] = { low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w }, bs[ColumnsEach] = { b.x, b.y, b.z, b.w };
        UNROLL for (int i = 0; i < RowsEach; i++)
            UNROLL for (int j = 0; j < ColumnsEach; j++) sums[i][j] = multiplyAdd(as[i], bs[j], sums[i][j]);
    }
}

// A thread's part of a row of the product, at the given column of so many; whole fours where they are aligned.
template <typename T> DEVICE void store(T* to, int column, int columns, bool aligned, float4 values)
{
    if (aligned && column + ColumnsEach <= columns) putFour(to + column, values);
    else
        UNROLL for (int j = 0; j < ColumnsEach; j++)
            if (column + j < columns) to[column + j] = values[j];
}

// Where the taps of a result lie, by number of the result: depth, height and width of the first one, and the image, which is -1 beyond the last result.
DEVICE int4 origin(const Line& d, const Line& h, const Line& w, u32 result, u32 results)
{
    if (result >= results) return int4{ 0, 0, 0, -1 };
    u32 x = result % w.results, y = result / w.results % h.results, z = result / w.results / h.results % d.results, n = result / w.results / h.results / d.results;
    return int4{ (int)z * d.stride + d.shift, (int)y * h.stride + h.shift, (int)x * w.stride + w.shift, (int)n };
}

// The pixel of the source that lies so far from an origin; -1 where there is none.
DEVICE int pixelAt(const Line& d, const Line& h, const Line& w, int4 origin, int toZ, int toY, int toX)
{
    int z = origin.x + toZ, y = origin.y + toY, x = origin.z + toX;
    bool inside = origin.w >= 0 && (u32)z < (u32)d.source && (u32)y < (u32)h.source && (u32)x < (u32)w.source;
    return inside ? ((origin.w * d.source + z) * h.source + y) * w.source + x : -1;
}

template <typename T> struct Gather { const T* from; const T* weight; T* to; const T* bias; int batch, groups, inputs, outputs, weightInputs, weightOutputs, aligned; Line d, h, w; };

// Results [pixels, outputs] of a group = patches [pixels, taps * inputs] * weight [taps * inputs, outputs]; inputs and outputs are those of a group.
// The weight lies as [taps, weightInputs, weightOutputs of all groups]; transposed, its outputs are our inputs.
template <bool Transposed, typename T> DEVICE void gather(const Gather<T>& a)
{
    SHARED Tiles tiles;
    SHARED int4 origins[TileRows];
    SHARED int places[TileRows];
    int t = threadX(), group = (u32)blockX() % a.groups, firstColumn = blockY() * TileColumns, depth = a.d.taps * a.h.taps * a.w.taps * a.inputs;
    u32 firstRow = (u32)blockX() / a.groups * TileRows, results = (u32)a.batch * a.d.results * a.h.results * a.w.results;
    const T* from = a.from + group * a.inputs, *weight = a.weight + group * (Transposed ? a.inputs : a.outputs);
    if (t < TileRows)
    {
        u32 q = firstRow + t;
        origins[t] = origin(a.d, a.h, a.w, q, results);
        int x = q % a.w.results, y = q / a.w.results % a.h.results, z = q / a.w.results / a.h.results % a.d.results, n = q / a.w.results / a.h.results / a.d.results;
        int place = ((n * a.d.places + a.d.place + z * a.d.placeStep) * a.h.places + a.h.place + y * a.h.placeStep) * a.w.places + a.w.place + x * a.w.placeStep;
        places[t] = q < results ? place : -1;
    }
    barrier();
    float sums[RowsEach][ColumnsEach] = {};
    LOOP for (int k0 = 0; k0 < depth; k0 += TileDepth)
    {
        // A thread gathers one input of one tap, of every 16th result.
        int own = t % TileDepth, k = k0 + own, channel = (u32)k % a.inputs, tap = (u32)k / a.inputs;
        int tx = (u32)tap % a.w.taps, ty = (u32)tap / a.w.taps % a.h.taps, tz = (u32)tap / a.w.taps / a.h.taps;
        UNROLL for (int n = 0; n < TileRows * TileDepth / Threads; n++)
        {
            int row = t / TileDepth + n * (Threads / TileDepth);
            int pixel = k < depth ? pixelAt(a.d, a.h, a.w, origins[row], tz * a.d.hop, ty * a.h.hop, tx * a.w.hop) : -1;
            tiles.row(own, row) = pixel < 0 ? 0.0f : (float)from[(u32)(pixel * a.inputs * a.groups + channel)];
        }
        if constexpr (Transposed)
        {
            int tapOfWeight = ((a.d.tapStart + tz * a.d.tapStep) * a.h.kernel + a.h.tapStart + ty * a.h.tapStep) * a.w.kernel + a.w.tapStart + tx * a.w.tapStep;
            UNROLL for (int n = 0; n < TileColumns * TileDepth / Threads; n++)
            {
                int i = t / TileDepth + n * (Threads / TileDepth), column = firstColumn + i;
                tiles.column(own, i) = k < depth && column < a.outputs ? (float)weight[(u32)((tapOfWeight * a.weightInputs + column) * a.weightOutputs + channel)] : 0.0f;
            }
        }
        else
        {
            int i = t % TileColumns, column = firstColumn + i;
            UNROLL for (int n = 0; n < TileColumns * TileDepth / Threads; n++)
            {
                int row = t / TileColumns + n * (Threads / TileColumns);
                tiles.column(row, i) = k0 + row < depth && column < a.outputs ? (float)weight[(u32)((k0 + row) * a.weightOutputs + column)] : 0.0f;
            }
        }
        barrier();
        multiply(tiles, sums);
        barrier();
    }
    int row = t / Side * RowsEach, column = firstColumn + t % Side * ColumnsEach;
    float4 bias = {};
    if (a.bias)
        UNROLL for (int j = 0; j < ColumnsEach; j++)
            if (column + j < a.outputs) bias[j] = a.bias[group * a.outputs + column + j];
    UNROLL for (int i = 0; i < RowsEach; i++)
    {
        int place = places[row + i];
        if (place >= 0) store(a.to + (u32)((place * a.groups + group) * a.outputs), column, a.outputs, a.aligned, float4{ sums[i][0], sums[i][1], sums[i][2], sums[i][3] } + bias);
    }
}

KERNELS(Threads, convGather, Gather, gather<false>)
KERNELS(Threads, convGatherTransposed, Gather, gather<true>)

template <typename T> struct Correlate { const T* x; const T* dy; float* sums; int batch, groups, inputs, outputs, slices, sliceResults, aligned; Line d, h, w; };

// The sums [slice, taps, inputs, outputs of all groups] over the results of a slice of patches * dy: the gradient of the weight in parts.
template <typename T> DEVICE void correlate(const Correlate<T>& a)
{
    SHARED Tiles tiles;
    SHARED int4 origins[TileDepth];
    int t = threadX(), group = (u32)blockX() % a.groups, slice = (u32)blockX() / a.groups % a.slices, firstColumn = blockY() * TileColumns;
    int firstRow = (u32)blockX() / a.groups / a.slices * TileRows, rows = a.d.taps * a.h.taps * a.w.taps * a.inputs, pitch = a.outputs * a.groups;
    u32 results = (u32)a.batch * a.d.results * a.h.results * a.w.results, begin = (u32)slice * a.sliceResults, left = results - begin;
    u32 end = begin + (left < (u32)a.sliceResults ? left : a.sliceResults);
    const T* x = a.x + group * a.inputs, *dy = a.dy + group * a.outputs;
    // A thread gathers one input of one tap, of every second result.
    int own = t % TileRows, k = firstRow + own, channel = (u32)k % a.inputs, tap = (u32)k / a.inputs;
    int toX = (u32)tap % a.w.taps * a.w.hop, toY = (u32)tap / a.w.taps % a.h.taps * a.h.hop, toZ = (u32)tap / a.w.taps / a.h.taps * a.d.hop;
    int i = t % TileColumns, column = firstColumn + i;
    float sums[RowsEach][ColumnsEach] = {};
    LOOP for (u32 first = begin; first < end; first += TileDepth)
    {
        if (t < TileDepth) origins[t] = origin(a.d, a.h, a.w, first + t, end);
        barrier();
        UNROLL for (int n = 0; n < TileRows * TileDepth / Threads; n++)
        {
            int row = t / TileRows + n * (Threads / TileRows);
            int pixel = k < rows ? pixelAt(a.d, a.h, a.w, origins[row], toZ, toY, toX) : -1;
            tiles.row(row, own) = pixel < 0 ? 0.0f : (float)x[(u32)(pixel * a.inputs * a.groups + channel)];
        }
        UNROLL for (int n = 0; n < TileColumns * TileDepth / Threads; n++)
        {
            int row = t / TileColumns + n * (Threads / TileColumns);
            tiles.column(row, i) = first + row < end && column < a.outputs ? (float)dy[(first + row) * (u32)pitch + column] : 0.0f;
        }
        barrier();
        multiply(tiles, sums);
        barrier();
    }
    int row = firstRow + t / Side * RowsEach;
    float* to = a.sums + (u64)slice * rows * pitch + group * a.outputs;
    UNROLL for (int r = 0; r < RowsEach; r++)
        if (row + r < rows) store(to + (u32)((row + r) * pitch), firstColumn + t % Side * ColumnsEach, a.outputs, a.aligned, float4{ sums[r][0], sums[r][1], sums[r][2], sums[r][3] });
}

KERNELS(Threads, convCorrelate, Correlate, correlate)
