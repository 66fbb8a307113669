#include "philox.h"

constexpr u32 Threads = 256;

template <typename T> struct Elements { const T* x; T* y; const u32* state; u32 site, period; float rate, kept; };

// y = m x: four elements a thread, one for each word of a counter. What is drawn for the elements of a step, period in all, holds for each of the steps.
template <typename T> DEVICE void elements(const Elements<T>& p)
{
    u32 across = (p.period - 1) / (4 * Threads) + 1, step = blockX() / across, counter = (blockX() - step * across) * Threads + threadX(), i = 4 * counter;
    if (i >= p.period) return;
    const T* x = p.x + (u64)step * p.period + i;
    T* y = p.y + (u64)step * p.period + i;
    Words random = words(p.state, p.site, counter);
    u32 drawn[4] = { random.x, random.y, random.z, random.w };
    float4 factors;
    UNROLL for (int k = 0; k < 4; k++) factors[k] = unit(drawn[k]) >= p.rate ? p.kept : 0;
    if (((u64)x | (u64)y) % (4 * sizeof(T)) == 0 && p.period - i >= 4) putFour(y, four(x) * factors);
    else
        UNROLL for (u32 k = 0; k < 4; k++)
            if (k < p.period - i) y[k] = x[k] * factors[k];
}

KERNELS(Threads, dropoutElements, Elements, elements)

struct Factors { float* factors; const u32* state; u32 site, count; float rate, kept; };

// m of each example.
KERNEL(Threads) dropoutFactors(const Factors p)
{
    u32 counter = blockX() * Threads + threadX(), i = 4 * counter;
    if (i >= p.count) return;
    Words random = words(p.state, p.site, counter);
    u32 drawn[4] = { random.x, random.y, random.z, random.w };
    UNROLL for (u32 k = 0; k < 4; k++)
        if (k < p.count - i) p.factors[i + k] = unit(drawn[k]) >= p.rate ? p.kept : 0;
}

template <typename T> struct Examples { const T* x; const float* factors; T* y; u32 count, unit; };

// y = m x with the m of each example.
template <typename T> DEVICE void examples(const Examples<T>& p)
{
    u32 i = blockX() * Threads + threadX();
    if (i < p.count) p.y[i] = p.x[i] * p.factors[i / p.unit];
}

KERNELS(Threads, dropoutExamples, Examples, examples)
