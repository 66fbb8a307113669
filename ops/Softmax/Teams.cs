using MiniTorch.Cuda;

namespace MiniTorch.Ops;

/// <summary>Launches of a kernel that was compiled for teams of several sizes, each of which works on one row: what device.h says of teams.</summary>
static class Teams
{
    const int WarpSize = 32, Rows = 8, Block = 256;
    const int LongestForWarp = 2048;        // elements of a row

    /// <summary>A thread for each row: for neighbouring rows whose elements alternate.</summary>
    internal static void Threads<TArgs>(CudaDevice device, CudaFunction<TArgs> threads, int rows, in TArgs args) where TArgs : unmanaged
        => device.Launch(threads, Workers.Blocks(rows, Block), Block, args);

    /// <summary>A warp for each row of n elements, or a block where rows are long.</summary>
    internal static void Launch<TArgs>(CudaDevice device, CudaFunction<TArgs> warps, CudaFunction<TArgs> blocks, int rows, int n, in TArgs args) where TArgs : unmanaged
    {
        if (n <= LongestForWarp) device.Launch(warps, Workers.Blocks(rows, Rows), new(WarpSize, Rows), args);
        else device.Launch(blocks, rows, Block, args);
    }
}
