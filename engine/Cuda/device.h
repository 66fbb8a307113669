// What CUDA C++ needs from CUDA's headers, without them: kernels are compiled by clang alone. Included by every .cu file.
#pragma once

#define KERNEL(threads) extern "C" __attribute__((global, launch_bounds(threads))) void
#define DEVICE static inline __attribute__((device, always_inline))
#define SHARED static __attribute__((shared))
#define UNROLL _Pragma("unroll")
#define LOOP _Pragma("nounroll")

typedef unsigned int u32;
typedef unsigned long long u64;
typedef float float2 __attribute__((ext_vector_type(2)));
typedef float float4 __attribute__((ext_vector_type(4)));

typedef u32 uint2 __attribute__((ext_vector_type(2)));

// An element in memory that is the upper half of a float; it is widened when it is read and rounded to the nearest, ties to even, when it is written.
struct bf16
{
    unsigned short bits;

    __attribute__((device, always_inline)) operator float() const { return __builtin_bit_cast(float, (u32)bits << 16); }
    __attribute__((device, always_inline)) void operator=(float x) { asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x)); }
};

// Kernels name and name_bf16 of a template, for elements of either type; RECORD is the template of what they are launched with.
#define KERNELS(THREADS, NAME, RECORD, ...) \
    KERNEL(THREADS) NAME(const RECORD<float> a) { __VA_ARGS__(a); } \
    KERNEL(THREADS) NAME##_bf16(const RECORD<bf16> a) { __VA_ARGS__(a); }

constexpr int Warp = 32;
constexpr u32 All = 0xFFFFFFFFu;        // lanes of a warp

DEVICE int threadX() { return __nvvm_read_ptx_sreg_tid_x(); }
DEVICE int threadY() { return __nvvm_read_ptx_sreg_tid_y(); }
DEVICE int blockX() { return __nvvm_read_ptx_sreg_ctaid_x(); }
DEVICE int blockY() { return __nvvm_read_ptx_sreg_ctaid_y(); }

// Waits for all threads of the block; all of them must come here.
DEVICE void barrier() { __nvvm_bar_sync(0); }

// The value of the lane whose number differs in the bits of mask.
DEVICE float across(float x, int mask) { return __nvvm_shfl_sync_bfly_f32(All, x, mask, Warp - 1); }

// The sum over the warp, in the same order for every lane.
DEVICE float warpSum(float x)
{
    UNROLL for (int mask = Warp / 2; mask > 0; mask /= 2) x += across(x, mask);
    return x;
}

// Four elements at once; they lie at a multiple of their size.
DEVICE float4 four(const float* x) { return *(const float4*)x; }
DEVICE float4 four(const bf16* x)
{
    uint2 bits = *(const uint2*)x;
    return float4{ __builtin_bit_cast(float, bits.x << 16), __builtin_bit_cast(float, bits.x & 0xFFFF0000u), __builtin_bit_cast(float, bits.y << 16), __builtin_bit_cast(float, bits.y & 0xFFFF0000u) };
}

DEVICE void putFour(float* y, float4 x) { *(float4*)y = x; }
DEVICE void putFour(bf16* y, float4 x)
{
    uint2 bits;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits.x) : "f"(x.y), "f"(x.x));
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits.y) : "f"(x.w), "f"(x.z));
    *(uint2*)y = bits;
}

// An element of an array that may not be given.
template <typename T> DEVICE float elementOr(const T* x, u32 i, float other) { return x ? (float)x[i] : other; }

DEVICE float squareRoot(float x) { return __nvvm_sqrt_rn_f(x); }
DEVICE float divide(float x, float y) { return __nvvm_div_rn_f(x, y); }
DEVICE float multiplyAdd(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
DEVICE int smaller(int a, int b) { return a < b ? a : b; }
DEVICE u32 least(u32 a, u32 b) { return a < b ? a : b; }

// The mask of the lanes for which it is true.
DEVICE u32 ballot(bool x) { return __nvvm_vote_ballot_sync(All, x); }

// The larger; NaN if either is, as on the CPU.
DEVICE float larger(float x, float y)
{
    float z;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(z) : "f"(x), "f"(y));
    return z;
}

// e to the x, relative error 3e-7: the product with log2 e is carried to twice the precision, but for what over- or underflows.
DEVICE float exponential(float x)
{
    float t = x * 1.44269504f, y = __nvvm_ex2_approx_f(t);
    float rest = multiplyAdd(x, 1.92596299e-8f, multiplyAdd(x, 1.44269504f, -t));
    return t > -150 && t < 150 ? multiplyAdd(y, rest * 0.693147181f, y) : y;
}

// ln x of a normal number by x = m 2^e with m in [sqrt 1/2, sqrt 2), relative error 1e-7; infinity and NaN stay.
DEVICE float logarithm(float x)
{
    int bits = __builtin_bit_cast(int, x), e = (bits - 0x3F3504F3) >> 23;
    float m = __builtin_bit_cast(float, bits - (e << 23)) - 1, z = m * m, n = e;
    float p = multiplyAdd(m, 7.0376836292e-2f, -1.1514610310e-1f);
    p = multiplyAdd(p, m, 1.1676998740e-1f);
    p = multiplyAdd(p, m, -1.2420140846e-1f);
    p = multiplyAdd(p, m, 1.4249322787e-1f);
    p = multiplyAdd(p, m, -1.6668057665e-1f);
    p = multiplyAdd(p, m, 2.0000714765e-1f);
    p = multiplyAdd(p, m, -2.4999993993e-1f);
    p = multiplyAdd(p, m, 3.3333331174e-1f);
    float y = multiplyAdd(n, -2.12194440e-4f, p * m * z);
    y = multiplyAdd(z, -0.5f, y);
    y = multiplyAdd(n, 0.693359375f, m + y);
    return x < __builtin_inff() ? y : x;
}

// What a team has of x, folded in the same order for each of its members: a team is one thread, a warp, or all Threads of a block in a row. All of it must come here.
template <int Threads, typename Fold> DEVICE float teamFold(float x, Fold fold)
{
    if constexpr (Threads >= Warp)
    {
        UNROLL for (int mask = Warp / 2; mask > 0; mask /= 2) x = fold(x, across(x, mask));
    }
    if constexpr (Threads > Warp)
    {
        SHARED float parts[Threads / Warp];
        barrier();
        if (threadX() % Warp == 0) parts[threadX() / Warp] = x;
        barrier();
        x = parts[0];
        UNROLL for (int i = 1; i < Threads / Warp; i++) x = fold(x, parts[i]);
    }
    return x;
}

template <int Threads> DEVICE float teamSum(float x) { return teamFold<Threads>(x, [](float a, float b) { return a + b; }); }
template <int Threads> DEVICE float teamLargest(float x) { return teamFold<Threads>(x, [](float a, float b) { return larger(a, b); }); }

constexpr int TeamRows = 8;         // rows of a block that a warp each works on
constexpr int TeamBlock = 256;      // threads of a block that work on one row together

// The row that the team of this thread works on.
template <int Threads> DEVICE u32 teamRow() { return Threads == 1 ? (u32)blockX() * TeamBlock + threadX() : Threads == Warp ? (u32)blockX() * TeamRows + threadY() : blockX(); }

// The member's number in its team.
template <int Threads> DEVICE int teamMember() { return Threads == 1 ? 0 : threadX(); }

DEVICE int larger(int a, int b) { return a > b ? a : b; }
DEVICE int threadsY() { return __nvvm_read_ptx_sreg_ntid_y(); }

// An address in shared memory as instructions take it.
DEVICE u32 sharedAddress(const float* p) { return (u32)(u64)(const __attribute__((address_space(3))) void*)p; }

// Reads words Offset to Offset + 3 of shared memory by one instruction, even if not all of them are used: narrower reads meet other banks.
template <int Offset> DEVICE float4 readFour(const float* from)
{
    float a, b, c, d;
    asm volatile("ld.shared.v4.f32 {%0, %1, %2, %3}, [%4+%5];" : "=f"(a), "=f"(b), "=f"(c), "=f"(d) : "r"(sharedAddress(from)), "n"(4 * Offset) : "memory");
    return float4{ a, b, c, d };
}

// An address in global memory as instructions take it.
DEVICE u64 globalAddress(const float* p) { return (u64)(const __attribute__((address_space(1))) void*)p; }

// Begins to copy a word from global to word Offset of shared memory.
template <int Offset> DEVICE void copyAsync(float* to, const float* from)
{
    asm volatile("cp.async.ca.shared.global [%0+%2], [%1], 4;" ::"r"(sharedAddress(to)), "l"(globalAddress(from)), "n"(4 * Offset) : "memory");
}

// The same, or a 0 if the word is not wanted; its address is then not looked at.
template <int Offset> DEVICE void copyAsync(float* to, const float* from, bool wanted)
{
    asm volatile("cp.async.ca.shared.global [%0+%3], [%1], 4, %2;" ::"r"(sharedAddress(to)), "l"(globalAddress(from)), "r"(wanted ? 4 : 0), "n"(4 * Offset) : "memory");
}

// Waits for what this thread has begun to copy.
DEVICE void awaitCopies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

// The value, of which the compiler then knows nothing: what a loop computes from it stays in the loop, instead of occupying a register before it and behind it.
DEVICE int hidden(int x)
{
    asm volatile("" : "+r"(x));
    return x;
}
