using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class Softmax
{
    readonly record struct RowsLaunch(Pointer X, Pointer Y, Pointer Saved, int Rows, int N, int Inner, int Logarithm);

    static readonly CudaModule module = new(typeof(Softmax), "Softmax");
    static readonly CudaFunction<RowsLaunch> threads = module.Function<RowsLaunch>("softmaxThreads");
    static readonly CudaFunction<RowsLaunch> warps = module.Function<RowsLaunch>("softmaxWarps");
    static readonly CudaFunction<RowsLaunch> blocks = module.Function<RowsLaunch>("softmaxBlocks");
    static readonly CudaFunction<RowsLaunch> slopeThreads = module.Function<RowsLaunch>("softmaxSlopeThreads");
    static readonly CudaFunction<RowsLaunch> slopeWarps = module.Function<RowsLaunch>("softmaxSlopeWarps");
    static readonly CudaFunction<RowsLaunch> slopeBlocks = module.Function<RowsLaunch>("softmaxSlopeBlocks");

    struct ForwardCuda : ICudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args a) => Share(device, a, threads, warps, blocks);
    }

    struct BackwardCuda : ICudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args a) => Share(device, a, slopeThreads, slopeWarps, slopeBlocks);
    }

    /// <summary>Columns are the rows of threads that read neighbours.</summary>
    static void Share(CudaDevice device, in Args a, CudaFunction<RowsLaunch> threads, CudaFunction<RowsLaunch> warps, CudaFunction<RowsLaunch> blocks)
    {
        RowsLaunch rows = new(a.X, a.Y, a.Saved, a.Outer * a.Inner, a.N, a.Inner, a.Logarithm ? 1 : 0);
        if (a.Inner == 1) Teams.Launch(device, warps, blocks, rows.Rows, a.N, rows);
        else Teams.Threads(device, threads, rows.Rows, rows);
    }
}
