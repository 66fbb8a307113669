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

DEVICE float squareRoot(float x) { return __nvvm_sqrt_rn_f(x); }
DEVICE float divide(float x, float y) { return __nvvm_div_rn_f(x, y); }
DEVICE float multiplyAdd(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
DEVICE int smaller(int a, int b) { return a < b ? a : b; }
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
