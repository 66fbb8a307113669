// Drawing of DCLS kernels and its gradients for one kind of bump. A block has eight channels, a sector of each row of the operands, and a lane one of them; the groups of
// lanes take taps, or segments of the rows of the kernel, in turns. A tap has a profile along each axis and never a value for each cell. Nothing is added by two threads.
#pragma once
#include "Bumps.h"

constexpr int Lines = 8;                // channels of a block
constexpr int Groups = Warp / Lines;    // of lanes
constexpr int Segment = 6;              // cells of a row that a lane sums at a time
constexpr int Abreast = 4;              // lines of an axis whose marginals are summed at a time
constexpr float Guard = 1e-7f;          // added to the sum of a tap

struct Axis { int size, row; float centre; };           // row of P, or -1

// A layer of a launch. Forms are what layers have in common.
struct Layer
{
    const float* weight; const float* position; const float* sigma; float* kernel; float* dWeight; float* dPosition; float* dSigma;
    int channels, form, firstBlock;
};

struct Form
{
    int planes, count;
    Axis axis[3];
    float narrowest, negligible;        // width at SIG = 0; |SIG| up to here counts as 0
    int blocks, together, lines;        // blocks of segments or of taps; drawing: profiles that lie in shared memory together, and words of one
};

struct Layers { int count; Layer layer[48]; Form form[8]; };

// The layer of this block, and the block's number in it.
struct Dcls : Layer, Form { int block; };

DEVICE Dcls own(const Layers& all)
{
    int low = 0, high = all.count;
    LOOP while (high - low > 1)
    {
        int middle = (low + high) / 2;
        if (all.layer[middle].firstBlock <= blockX()) low = middle;
        else high = middle;
    }
    const Layer& layer = all.layer[low];
    return { layer, all.form[layer.form], blockX() - layer.firstBlock };
}

DEVICE Along along(const Dcls& a, int axis, int k, int pair)
{
    Along t = { 0, 0, 0, a.narrowest, 0 };
    if (a.axis[axis].row < 0) return t;
    int pairs = a.planes * a.channels, at = (a.axis[axis].row * a.count + k) * pairs + pair;
    t.p = a.position[at];
    if (a.sigma)
    {
        float sig = a.sigma[at], size = __builtin_fabsf(sig);
        t.sig = size > a.negligible ? size : 0;
        t.sign = sig > 0 ? 1 : sig < 0 ? -1 : 0;
    }
    t.inverseWidth = divide(1, t.sig + a.narrowest);
    return t;
}

// Writes the profile of an axis, a value each pitch words, and returns its sum. An axis without a row has one cell, of 1.
template <typename Bump> DEVICE float profile(const Axis& axis, const Along& t, float* to, int pitch)
{
    float sum = 0;
    for (int n = 0; n < axis.size; n++, to += pitch)
    {
        float f = axis.row < 0 ? 1 : Bump::value(n - axis.centre, t);
        *to = f;
        sum += f;
    }
    return sum;
}

template <typename Bump> DEVICE void draw(const Dcls& a, float* shared)
{
    int lane = threadX(), channelBlocks = (a.channels + Lines - 1) / Lines, slots = threadsY() * Groups, slot = threadY() * Groups + lane / Lines;
    int part = a.block / a.blocks, plane = part / channelBlocks, channel = (part - plane * channelBlocks) * Lines + lane % Lines;
    int pair = plane * a.channels + smaller(channel, a.channels - 1);
    int rows = a.axis[0].size * a.axis[1].size, width = a.axis[2].size, across = (width + Segment - 1) / Segment;
    int segment = (a.block - part * a.blocks) * slots + slot;
    bool owned = channel < a.channels && segment < rows * across;
    if (segment >= rows * across) segment = 0;
    int column = segment / rows, row = segment - column * rows, i = row / a.axis[1].size, j = row - i * a.axis[1].size;
    column *= Segment;

    float* mine = shared + lane % Lines;
    int second = a.axis[0].size, third = second + a.axis[1].size;
    float sums[Segment];
    UNROLL for (int n = 0; n < Segment; n++) sums[n] = 0;
    for (int first = 0; first < a.count; first += a.together)
    {
        int taps = smaller(a.together, a.count - first);
        barrier();
        for (int k = slot; k < taps; k += slots)
        {
            float* values = mine + k * a.lines * Lines;
            float sum = profile<Bump>(a.axis[0], along(a, 0, first + k, pair), values, Lines);
            sum *= profile<Bump>(a.axis[1], along(a, 1, first + k, pair), values + second * Lines, Lines);
            sum *= profile<Bump>(a.axis[2], along(a, 2, first + k, pair), values + third * Lines, Lines);
            for (int n = third + width; n < a.lines; n++) values[n * Lines] = 0;
            float w = a.weight[(first + k) * a.planes * a.channels + pair];
            if (Bump::Normalised) w *= divide(1, sum + Guard);
            for (int n = 0; n < second; n++) values[n * Lines] *= w;
        }
        barrier();
        const float* tap = mine;
        LOOP for (int k = 0; k < taps; k++, tap += a.lines * Lines)
        {
            float line = tap[i * Lines] * tap[(second + j) * Lines];
            UNROLL for (int n = 0; n < Segment; n++) sums[n] = multiplyAdd(line, tap[(third + column + n) * Lines], sums[n]);
        }
    }
    float* to = a.kernel + (long long)((plane * rows + row) * width + column) * a.channels + channel;
    UNROLL for (int n = 0; n < Segment; n++, to += a.channels) if (owned && column + n < width) *to = sums[n];
}

// For each line of an axis the sum of G times the profiles of the two other axes. An axis has its size, the distance of its cells in G and its profile.
struct Line { int size, step; const float* f; };

DEVICE void marginals(const float* g, Line own, Line outer, Line inner, int pitch, float* to)
{
    for (int n = 0; n < own.size; n += Abreast)
    {
        float sums[Abreast];
        int at[Abreast];
        UNROLL for (int q = 0; q < Abreast; q++)
        {
            sums[q] = 0;
            at[q] = smaller(n + q, own.size - 1) * own.step;
        }
        LOOP for (int u = 0; u < outer.size; u++)
        {
            float lines[Abreast];
            const float* from[Abreast];
            UNROLL for (int q = 0; q < Abreast; q++)
            {
                lines[q] = 0;
                from[q] = g + (at[q] + u * outer.step);
            }
            const float* f = inner.f;
            LOOP for (int v = 0; v < inner.size; v++, f += pitch)
                UNROLL for (int q = 0; q < Abreast; q++, from[q - 1] += inner.step) lines[q] = multiplyAdd(*from[q], *f, lines[q]);
            UNROLL for (int q = 0; q < Abreast; q++) sums[q] = multiplyAdd(outer.f[u * pitch], lines[q], sums[q]);
        }
        UNROLL for (int q = 0; q < Abreast; q++) if (n + q < own.size) to[(n + q) * pitch] = sums[q];
    }
}

struct Slopes { float total, position, sigma; };

// Sum of G times all profiles, and of (G - A) times the slopes along one axis: relative to the marginal of the line where f is largest, as DclsKernel.Cpu.cs explains.
template <typename Bump> DEVICE Slopes slopes(const Axis& axis, const Along& t, const float* f, const float* marginal, int pitch, float others, float inverse)
{
    float largest = 0, r = 0;
    if (Bump::Normalised)
        for (int n = 0; n < axis.size; n++)
            if (f[n * pitch] > largest)
            {
                largest = f[n * pitch];
                r = marginal[n * pitch];
            }
    float total = 0, values = 0, positions = 0, sigmas = 0, positionSlope = 0, sigmaSlope = 0;
    for (int n = 0; n < axis.size; n++)
    {
        float value = f[n * pitch], all = marginal[n * pitch], m = all - r, cell = n - axis.centre, slope = Bump::positionSlope(value, cell, t);
        total = multiplyAdd(all, value, total);
        values = multiplyAdd(m, value, values);
        positions = multiplyAdd(m, slope, positions);
        positionSlope += slope;
        if (!Bump::HasSigma) continue;
        slope = Bump::sigmaSlope(value, cell, t);
        sigmas = multiplyAdd(m, slope, sigmas);
        sigmaSlope += slope;
    }
    if (!Bump::Normalised) return { total, positions, sigmas };
    float share = (r * Guard - values * others) * inverse;
    return { total, multiplyAdd(share, positionSlope, positions), multiplyAdd(share, sigmaSlope, sigmas) };
}

template <typename Bump> DEVICE void differentiate(const Dcls& a, float* shared)
{
    int lane = threadX(), channelBlocks = (a.channels + Lines - 1) / Lines, pitch = Warp * threadsY();
    int part = a.block / a.blocks, plane = part / channelBlocks, channel = (part - plane * channelBlocks) * Lines + lane % Lines;
    int k = ((a.block - part * a.blocks) * threadsY() + threadY()) * Groups + lane / Lines;
    bool owned = channel < a.channels && k < a.count;
    channel = smaller(channel, a.channels - 1);
    k = smaller(k, a.count - 1);
    int pair = plane * a.channels + channel, pairs = a.planes * a.channels, cells = a.axis[0].size * a.axis[1].size * a.axis[2].size;
    const float* g = a.kernel + (long long)plane * cells * a.channels + channel;

    Along taps[3];
    Line lines[3];
    float sums[3];
    float* profiles = shared + threadY() * Warp + lane, *marginal = profiles;
    UNROLL for (int axis = 0; axis < 3; axis++)
    {
        taps[axis] = along(a, axis, k, pair);
        sums[axis] = profile<Bump>(a.axis[axis], taps[axis], marginal, pitch);
        lines[axis] = { a.axis[axis].size, a.channels, marginal };
        marginal += a.axis[axis].size * pitch;
    }
    lines[1].step *= lines[2].size;
    lines[0].step = lines[1].step * lines[1].size;
    float inverse = Bump::Normalised ? divide(1, multiplyAdd(sums[0] * sums[1], sums[2], Guard)) : 1, w = a.weight[k * pairs + pair] * inverse;
    UNROLL for (int axis = 0; axis < 3; axis++)
    {
        if (a.axis[axis].row < 0) continue;
        int outer = axis == 0 ? 1 : 0, inner = axis == 2 ? 1 : 2;
        marginals(g, lines[axis], lines[outer], lines[inner], pitch, marginal);
        Slopes s = slopes<Bump>(a.axis[axis], taps[axis], lines[axis].f, marginal, pitch, sums[outer] * sums[inner], inverse);
        if (!owned) continue;
        int at = (a.axis[axis].row * a.count + k) * pairs + pair;
        a.dPosition[at] = w * s.position;
        if (Bump::HasSigma) a.dSigma[at] = w * s.sigma * taps[axis].sign;
        if (a.axis[axis].row == 0) a.dWeight[k * pairs + pair] = s.total * inverse;
    }
}

constexpr int DrawWarps = 16, DifferentiateWarps = 4;           // most of a block

#define DCLS(BUMP) \
    extern __attribute__((shared, aligned(16))) float dynamicShared[]; \
    KERNEL(Warp * DrawWarps) dcls##BUMP##Draw(const Layers all) { draw<BUMP>(own(all), dynamicShared); } \
    KERNEL(Warp * DifferentiateWarps) dcls##BUMP##Differentiate(const Layers all) { differentiate<BUMP>(own(all), dynamicShared); }
