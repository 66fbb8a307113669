#include "formula.h"

constexpr u32 Threads = 256, Axes = 8;

// Way: each kernel is a copy of its own, with its shared memory in it, as a formula goes into one kernel at a time.
enum Way { Together, InParts, Merging };

template <Way W, typename From, typename To> struct Fold
{
    Constants constants;
    const From* x;
    To* y;
    u32 keptSizes[Axes], keptSteps[Axes], foldedSizes[Axes], foldedSteps[Axes];
    int keptRank, foldedRank;
    u32 outputs, row, length, slices, sliceLength, parts, neighbours;
    float start, scale;
};

DEVICE u32 place(const u32* sizes, const u32* steps, int rank, u32 index)
{
    u32 at = 0;
    LOOP for (int d = rank - 1; d > 0; d--)
    {
        u32 outer = index / sizes[d];
        at += (index - outer * sizes[d]) * steps[d];
        index = outer;
    }
    return at + index * steps[0];
}

// y [slices, outputs]: the folds of slices of length numbers each, a block of threads for some outputs and one slice. The parts of an output are threads that lie next to
// each other where the numbers do, else the outputs are. Always in the same order.
template <Way W, typename From, typename To> DEVICE void fold(const Fold<W, From, To>& p)
{
    SHARED float folds[Threads];
    u32 thread = threadX(), width = Threads / p.parts, group = (u32)blockX() / p.slices, slice = blockX() - group * p.slices;
    u32 part = p.neighbours ? thread % p.parts : thread / width, slot = p.neighbours ? thread / p.parts : thread % width, output = group * width + slot;
    float value = p.start;
    if (output < p.outputs)
    {
        u32 kept = output / p.row, r = slice * p.sliceLength + part, end = least(p.length, (slice + 1) * p.sliceLength);
        const From* x = p.x + (place(p.keptSizes, p.keptSteps, p.keptRank, kept) + output - kept * p.row);
        u32 step = p.foldedSteps[0];
        if (p.foldedRank == 1)
            LOOP for (; r + 3 * p.parts < end; r += 4 * p.parts)
            {
                float next[4];
                UNROLL for (int k = 0; k < 4; k++) next[k] = x[(r + k * p.parts) * step];
                UNROLL for (int k = 0; k < 4; k++) value = formula(value, next[k]);
            }
        LOOP for (; r < end; r += p.parts) value = formula(value, (float)x[place(p.foldedSizes, p.foldedSteps, p.foldedRank, r)]);
    }
    u32 step = p.neighbours ? 1 : width;        // from a part to the next
    folds[thread] = value;
    LOOP for (u32 half = p.parts / 2; half > 0; half /= 2)
    {
        barrier();
        if (part < half) folds[thread] = value = merge(value, folds[thread + half * step]);
    }
    if (part == 0 && output < p.outputs) p.y[(u64)slice * p.outputs + output] = value * p.scale;
}

template <typename T> using Whole = Fold<Together, T, T>;
template <typename T> using Part = Fold<InParts, T, float>;      // a slice
template <typename T> using Merge = Fold<Merging, float, T>;     // slices

KERNELS(Threads, fold, Whole, fold)
KERNELS(Threads, foldPart, Part, fold)
KERNELS(Threads, foldMerge, Merge, fold)
