// Small kernels for the emulator's tests, compiled to samples.ptx beside this file:
// clang++-19 -x cuda --cuda-device-only --cuda-gpu-arch=sm_80 --cuda-feature=+ptx78 -nocudainc -nocudalib -std=c++17 -O3 -ffp-contract=fast -S samples.cu -o samples.ptx
#define KERNEL(threads) extern "C" __attribute__((global, launch_bounds(threads))) void
#define SHARED static __attribute__((shared))

KERNEL(256) saxpy(const float* __restrict__ x, float* __restrict__ y, float a, int n)
{
    int i = __nvvm_read_ptx_sreg_ctaid_x() * __nvvm_read_ptx_sreg_ntid_x() + __nvvm_read_ptx_sreg_tid_x();
    if (i < n) y[i] = a * x[i] + y[i];
}

// sum of squares of a row for each block; the threads of the block take elements in turns
KERNEL(256) row_norms(const float* __restrict__ x, float* __restrict__ norms, int columns)
{
    SHARED float parts[8];
    int row = __nvvm_read_ptx_sreg_ctaid_x(), thread = __nvvm_read_ptx_sreg_tid_x();
    float sum = 0;
    for (int i = thread; i < columns; i += 256) sum += x[row * columns + i] * x[row * columns + i];
    for (int step = 16; step > 0; step >>= 1) sum += __nvvm_shfl_sync_bfly_f32(~0u, sum, step, 31);
    if (thread % 32 == 0) parts[thread / 32] = sum;
    __nvvm_bar_sync(0);
    if (thread >= 32) return;
    sum = thread < 8 ? parts[thread] : 0;
    for (int step = 4; step > 0; step >>= 1) sum += __nvvm_shfl_sync_down_f32(~0u, sum, step, 31);
    if (thread == 0) norms[row] = __nvvm_sqrt_rn_f(sum);
}

// tiles of 32 x 32 with a column of padding, eight rows at a time
KERNEL(256) transpose(const float* __restrict__ x, float* __restrict__ y, int rows, int columns)
{
    SHARED float tile[32][33];
    int tx = __nvvm_read_ptx_sreg_tid_x(), ty = __nvvm_read_ptx_sreg_tid_y();
    int left = 32 * __nvvm_read_ptx_sreg_ctaid_x(), top = 32 * __nvvm_read_ptx_sreg_ctaid_y();
    for (int r = ty; r < 32; r += 8)
        if (top + r < rows && left + tx < columns) tile[r][tx] = x[(top + r) * columns + left + tx];
    __nvvm_bar_sync(0);
    for (int r = ty; r < 32; r += 8)
        if (left + r < columns && top + tx < rows) y[(left + r) * rows + top + tx] = tile[tx][r];
}

// what clang makes of integers: division, 16 and 8 bits, bit counts, 64-bit products, a switch
KERNEL(128) integers(const int* __restrict__ x, long long* __restrict__ y, int n)
{
    int i = __nvvm_read_ptx_sreg_ctaid_x() * 128 + __nvvm_read_ptx_sreg_tid_x();
    if (i >= n) return;
    int v = x[i];
    long long r = v / 7 + v % 13 * 3;
    r += (short)v * (long long)v + (unsigned char)(v >> 3);
    r ^= (long long)__builtin_popcount(v) << 40 | __builtin_clz(v | 1);
    switch (v & 7)
    {
        case 0: r += 11; break;
        case 1: r -= 5; break;
        case 3: r *= 3; break;
        case 6: r = r / (v == 0 ? 1 : v); break;
        default: r = ~r; break;
    }
    y[i] = r;
}
