// Depthwise convolution with stride and dilation 1, channels last, and its weight gradient: one template for each kernel width and run of pixels.
//
// In memory channels are innermost, so a block takes eight of them: 32 bytes of a pixel, a whole sector, and no sector is read for nothing. In shared memory they are
// laid apart, [channel][image][row][column], so that a lane, which owns a channel and a run of pixels of a row, reads four neighbours of the row at once. A plane (all
// that is staged of a channel) is 4 words more than a multiple of 32 long. A wavefront of a 16-byte read serves eight lanes; they are the eight channels at the
// same place of their planes, 4 banks apart: no conflict, wherever the four groups of lanes lie. A copy of 4 bytes serves 32 lanes, four neighbouring columns of eight
// channels: no conflict either. Rows of the weight, [kernel row][channel][kernel column], have a pitch of an odd multiple of 4 words for the same reason.
//
// The four groups of lanes of a warp lie across, below and behind (in the next image of) each other, as the launch says. Rows of the kernel that meet nothing but padding
// are left out for each warp: its rows are neighbours. Rows next to the image that only some groups of a warp need are staged as zeros. A narrow tile has a whole row of
// the map and padding on both sides alike: columns of the kernel that meet only padding are left out when it is compiled, and no padding is staged.
//
// Elements of bf16 are widened when they are staged, through registers, and rounded when y is written; the products are the same, so that one kernel serves both types.
#pragma once
#include "device.h"

constexpr int Lines = 8;                // channels of a block
constexpr int Groups = Warp / Lines;    // of lanes

struct Depthwise
{
    const float* x; float* weight; float* y; const float* bias;             // bf16 if brain says so; sums of the weight gradient are float
    int batch, channels, heightIn, widthIn, heightOut, widthOut;
    int kernelHeight, kernelWidth, top, left, reversed;
    int acrossBits, belowBits;          // groups of lanes across and below, as powers of two; the others lie behind
    int warpRows;                       // warps below each other; further ones lie behind
    int tilesAcross, tilesDown, items, span;        // tiles of all images, and how many a block works through
    int tileRows, tileImages;
    int rows, pitch, plane;             // of x in shared memory: rows of an image, words of a row and of a channel
    int pitchY, planeY;                 // of dy
    int firstRow, kernelRows, rowBlocks;            // weight gradient: kernel rows that meet the map, and how many blocks share them
    int brain;
};

struct Place { int x, y, image; };

// Where a lane's run of pixels is within a tile: its image, the first row of its warp and its own, its column.
struct Spot { int image, first, row, column; };

DEVICE Spot spot(const Depthwise& a, int lane, int warp, int run)
{
    int group = lane / Lines, behind = warp / a.warpRows, first = (warp - behind * a.warpRows) << a.belowBits, bits = a.acrossBits + a.belowBits;
    return { (behind << (2 - bits)) + (group >> bits), first, first + (group >> a.acrossBits & ((1 << a.belowBits) - 1)), (group & ((1 << a.acrossBits) - 1)) * run };
}

DEVICE Place place(const Depthwise& a, int item, int run)
{
    int down = item / a.tilesAcross, behind = down / a.tilesDown;
    return { (item - down * a.tilesAcross) * (run << a.acrossBits), (down - behind * a.tilesDown) * a.tileRows, behind * a.tileImages };
}

// Word Column of a line, or a 0 if the element is not wanted; its address is then not looked at.
template <int Column> DEVICE void stageOne(float* to, const float* from, bool wanted) { copyAsync<Column>(to, from, wanted); }
template <int Column> DEVICE void stageOne(float* to, const bf16* from, bool wanted) { to[Column] = wanted ? (float)*from : 0.0f; }

// Count columns of a line, of which the first wanted, in steps of the groups of lanes.
template <int Count, int Column = 0, typename T> DEVICE void stageColumns(float* to, const T* from, int step, int wanted)
{
    if constexpr (Column < Count)
    {
        stageOne<Column>(to, from, Column < wanted);
        stageColumns<Count, Column + Groups>(to, from + step, step, wanted);
    }
}

// Rows top, top + 1, … and columns left, left + 1, … of the images of a tile; what lies outside is 0. Images of height x width.
template <typename T> DEVICE void stageOf(const Depthwise& a, const T* from, int height, int width, int image, int top, int rows, int left, int pitch, int plane, int firstChannel, float* to)
{
    constexpr int Together = 4 * Groups;
    int lane = hidden(threadX()), channels = hidden(a.channels), group = lane / Lines, step = Groups * channels, channel = firstChannel + lane % Lines;
    to += (lane % Lines) * plane + group;
    long long size = (long long)height * width * channels;
    from += image * size + (left + group) * channels + channel;
    LOOP for (int n = 0; n < a.tileImages; n++, from += size, to += rows * pitch)
    {
        int wanted = image + n < a.batch && channel < channels ? width : 0;
        LOOP for (int row = threadY(); row < rows; row += threadsY())
        {
            int inside = (u32)(top + row) < (u32)height ? wanted : 0, x = left, end = left + pitch;
            const T* pixel = from + (top + row) * width * channels;
            float* line = to + row * pitch;
            LOOP for (; x < smaller(end, 0); x += Groups, line += Groups, pixel += step) stageOne<0>(line, pixel, (u32)(x + group) < (u32)inside);
            LOOP for (; x + Together <= smaller(end, inside); x += Together, line += Together, pixel += 4 * step) stageColumns<Together>(line, pixel, step, Together);
            LOOP for (; x < end; x += Groups, line += Groups, pixel += step) stageOne<0>(line, pixel, (u32)(x + group) < (u32)inside);
        }
    }
}

DEVICE void stage(const Depthwise& a, const float* from, int height, int width, int image, int top, int rows, int left, int pitch, int plane, int firstChannel, float* to)
{
    if (a.brain) stageOf(a, (const bf16*)from, height, width, image, top, rows, left, pitch, plane, firstChannel, to);
    else stageOf(a, from, height, width, image, top, rows, left, pitch, plane, firstChannel, to);
}

template <int Count, int Begin = 0> DEVICE void load(float (&to)[Count], const float* from)
{
    if constexpr (Begin < Count)
    {
        float4 four = readFour<Begin>(from);
        UNROLL for (int i = 0; i < 4; i++) to[Begin + i] = four[i];
        load<Count, Begin + 4>(to, from);
    }
}

constexpr int quads(int words) { return (words + 3) / 4 * 4; }

template <int K, int Run, bool Narrow> struct Tap
{
    static constexpr int Weights = quads(K), Pitch = Weights / 4 % 2 == 0 ? Weights + 4 : Weights;
    static constexpr int Outputs = quads(Run), Inputs = Narrow ? Outputs : quads(Run + K - 1);

    // Where column k of the kernel finds the input of pixel b; outside of a narrow row it finds padding.
    static constexpr int column(int k, int b) { return Narrow ? k + b - K / 2 : k + b; }
    static constexpr bool meets(int k, int b) { return !Narrow || (column(k, b) >= 0 && column(k, b) < Run); }
};

// The kernels of the block's channels.
template <int K, int Run, bool Narrow, typename T> DEVICE void stageWeights(const Depthwise& a, const T* weight, int firstChannel, float* to)
{
    using Taps = Tap<K, Run, Narrow>;
    int lane = threadX(), group = lane / Lines, channel = firstChannel + lane % Lines, order = a.reversed ? -a.channels : a.channels;
    int wanted = channel < a.channels ? a.kernelWidth - group : 0;
    LOOP for (int i = threadY(); i < a.kernelHeight; i += threadsY())
    {
        int tap = i * a.kernelWidth + group;
        const T* first = weight + (a.reversed ? a.kernelHeight * a.kernelWidth - 1 - tap : tap) * a.channels + channel;
        stageColumns<Taps::Weights>(to + (i * Lines + lane % Lines) * Taps::Pitch + group, first, Groups * order, wanted);
    }
}

// A lane's run of results, of which so many columns are on the map.
template <int Run, typename T> DEVICE void putRun(T* y, const float (&sums)[Run], int columns, int channels)
{
    UNROLL for (int b = 0; b < Run; b++, y += channels) if (b < columns) *y = sums[b];
}

template <int K, int Run, bool Narrow> DEVICE void convolve(const Depthwise& a, float* shared)
{
    using T = Tap<K, Run, Narrow>;
    int blocks = (a.channels + Lines - 1) / Lines, part = blockX() / blocks, firstChannel = (blockX() - part * blocks) * Lines;
    if (a.brain) stageWeights<K, Run, Narrow>(a, (const bf16*)a.weight, firstChannel, shared);
    else stageWeights<K, Run, Narrow>(a, (const float*)a.weight, firstChannel, shared);
    float* tiles = shared + a.kernelHeight * Lines * T::Pitch;
    LOOP for (int item = part * a.span; item < smaller(a.items, (part + 1) * a.span); item++)
    {
        Place tile = place(a, hidden(item), Run);
        int below = 1 << a.belowBits, top = larger(tile.y - a.top, 1 - below);
        barrier();
        stage(a, a.x, a.heightIn, a.widthIn, tile.image, top, a.rows, Narrow ? 0 : tile.x - a.left, a.pitch, a.plane, firstChannel, tiles);
        awaitCopies();
        barrier();

        int lane = hidden(threadX()), channel = firstChannel + lane % Lines;
        Spot at = spot(a, lane, hidden(threadY()), Run);
        int first = tile.y + at.first, begin = larger(0, a.top - first - below + 1), end = first < a.heightOut ? smaller(a.kernelHeight, a.heightIn + a.top - first) : 0;
        float sums[Run], bias = !a.bias || channel >= a.channels ? 0 : a.brain ? (float)((const bf16*)a.bias)[channel] : a.bias[channel];
        UNROLL for (int b = 0; b < Run; b++) sums[b] = bias;
        const float* x = tiles + (lane % Lines) * a.plane + (at.image * a.rows + tile.y + at.row + begin - a.top - top) * a.pitch + at.column;
        const float* weight = shared + (begin * Lines + lane % Lines) * T::Pitch;
        LOOP for (int i = begin; i < end; i++, x += a.pitch, weight += Lines * T::Pitch)
        {
            float w[T::Weights], v[T::Inputs];
            load(w, weight);
            load(v, x);
            UNROLL for (int k = 0; k < K; k++)
                UNROLL for (int b = 0; b < Run; b++)
                    if (T::meets(k, b)) sums[b] = multiplyAdd(w[k], v[T::column(k, b)], sums[b]);
        }

        tile = place(a, hidden(item), Run);
        lane = hidden(threadX());
        channel = firstChannel + lane % Lines;
        at = spot(a, lane, hidden(threadY()), Run);
        int n = tile.image + at.image, row = tile.y + at.row, left = tile.x + at.column, columns = n < a.batch && row < a.heightOut && channel < a.channels ? a.widthOut - left : 0;
        long long result = (((long long)n * a.heightOut + row) * a.widthOut + left) * a.channels + channel;
        if (a.brain) putRun((bf16*)a.y + result, sums, columns, a.channels);
        else putRun(a.y + result, sums, columns, a.channels);
    }
}

// A warp sums one row of the kernel over the tiles of its block; weight is then [part of the tiles][kernel row][kernel column][channel], of the rows that meet the map.
template <int K, int Run, bool Narrow> DEVICE void correlate(const Depthwise& a, float* shared)
{
    using T = Tap<K, Run, Narrow>;
    int blocks = (a.channels + Lines - 1) / Lines, rest = blockX() / blocks, firstChannel = (blockX() - rest * blocks) * Lines;
    int part = rest / a.rowBlocks, firstRow = (rest - part * a.rowBlocks) * threadsY(), offset = a.firstRow + firstRow - a.top;
    float* slopes = shared + Lines * a.plane;
    float sums[K];
    UNROLL for (int k = 0; k < K; k++) sums[k] = 0;
    LOOP for (int item = part * a.span; item < smaller(a.items, (part + 1) * a.span); item++)
    {
        Place tile = place(a, hidden(item), Run);
        int below = 1 << a.belowBits, top = larger(tile.y + offset, 1 - below);
        barrier();
        stage(a, a.x, a.heightIn, a.widthIn, tile.image, top, a.rows, Narrow ? 0 : tile.x - a.left, a.pitch, a.plane, firstChannel, shared);
        stage(a, a.y, a.heightOut, a.widthOut, tile.image, tile.y, a.tileRows, tile.x, a.pitchY, a.planeY, firstChannel, slopes);
        awaitCopies();
        barrier();

        int lane = hidden(threadX()), warp = hidden(threadY()), own = offset + warp, rows = smaller(a.tileRows, a.heightOut - tile.y);
        Spot at = spot(a, lane, 0, Run);
        int begin = larger(0, (-own - tile.y) >> a.belowBits), end = smaller((rows + below - 1) >> a.belowBits, ((a.heightIn - 1 - own - tile.y) >> a.belowBits) + 1);
        if (firstRow + warp >= a.kernelRows) end = 0;
        LOOP for (int image = at.image; image < a.tileImages; image += 1 << (2 - a.acrossBits - a.belowBits))
        {
            int row = (begin << a.belowBits) + at.row;
            const float* x = shared + (lane % Lines) * a.plane + (image * a.rows + tile.y + row + own - top) * a.pitch + at.column;
            const float* dy = slopes + (lane % Lines) * a.planeY + (image * a.tileRows + row) * a.pitchY + at.column;
            LOOP for (int q = begin; q < end; q++, x += a.pitch << a.belowBits, dy += a.pitchY << a.belowBits)
            {
                float d[T::Outputs], v[T::Inputs];
                load(d, dy);
                load(v, x);
                UNROLL for (int k = 0; k < K; k++)
                    UNROLL for (int b = 0; b < Run; b++)
                        if (T::meets(k, b)) sums[k] = multiplyAdd(d[b], v[T::column(k, b)], sums[k]);
            }
        }
    }

    int lane = threadX(), row = firstRow + threadY(), channel = firstChannel + lane % Lines;
    float* weight = a.weight + ((long long)part * a.kernelRows + row) * a.kernelWidth * a.channels + channel;
    UNROLL for (int k = 0; k < K; k++)
    {
        float sum = sums[k];
        sum += across(sum, Lines);
        sum += across(sum, 2 * Lines);
        if (lane < Lines && k < a.kernelWidth && row < a.kernelRows && channel < a.channels) weight[k * a.channels] = sum;
    }
}

constexpr int Warps = 7, NarrowWeightWarps = 17;    // most of a block; two blocks of the first on a multiprocessor leave a thread 144 registers, one of the second 120

#define TILE(NAME, BODY, K, RUN, NARROW, WARPS, BLOCKS) \
    extern "C" __attribute__((global, launch_bounds(Warp * WARPS, BLOCKS))) void NAME(const Depthwise a) { BODY<K, RUN, NARROW>(a, dynamicShared); }

#define DEPTHWISE(K) \
    extern __attribute__((shared, aligned(16))) float dynamicShared[]; \
    TILE(depthwise##K##Forward28, convolve, K, 28, false, Warps, 2) \
    TILE(depthwise##K##Forward16, convolve, K, 16, false, Warps, 2) \
    TILE(depthwise##K##Forward14, convolve, K, 14, true, Warps, 2) \
    TILE(depthwise##K##Forward7, convolve, K, 7, true, Warps, 2) \
    TILE(depthwise##K##Weight28, correlate, K, 28, false, Warps, 2) \
    TILE(depthwise##K##Weight16, correlate, K, 16, false, Warps, 2) \
    TILE(depthwise##K##Weight14, correlate, K, 14, true, NarrowWeightWarps, 1) \
    TILE(depthwise##K##Weight7, correlate, K, 7, true, NarrowWeightWarps, 1)
