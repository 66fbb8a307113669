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
