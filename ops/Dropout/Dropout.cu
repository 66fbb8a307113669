#include "philox.h"

constexpr u32 Threads = 256;

struct Elements { const float* x; float* y; const u32* state; u32 site, count; float rate, kept; };

// y = m x: four elements a thread, one for each word of a counter.
KERNEL(Threads) dropoutElements(const Elements p)
{
    u32 counter = blockX() * Threads + threadX(), i = 4 * counter;
    if (i >= p.count) return;
    Words random = words(p.state, p.site, counter);
    u32 drawn[4] = { random.x, random.y, random.z, random.w };
    float4 factors;
    UNROLL for (int k = 0; k < 4; k++) factors[k] = unit(drawn[k]) >= p.rate ? p.kept : 0;
    if (((u64)p.x | (u64)p.y) % sizeof(float4) == 0 && p.count - i >= 4) *(float4*)(p.y + i) = *(const float4*)(p.x + i) * factors;
    else
        UNROLL for (u32 k = 0; k < 4; k++)
            if (k < p.count - i) p.y[i + k] = p.x[i + k] * factors[k];
}

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

struct Examples { const float* x; const float* factors; float* y; u32 count, unit; };

// y = m x with the m of each example.
KERNEL(Threads) dropoutExamples(const Examples p)
{
    u32 i = blockX() * Threads + threadX();
    if (i < p.count) p.y[i] = p.x[i] * p.factors[i / p.unit];
}
