using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class Softmax
{
    readonly record struct RowsLaunch(Pointer X, Pointer Y, Pointer Saved, int Rows, int N, int Inner, int Logarithm);

    static readonly CudaModule module = new(typeof(Softmax), "Softmax");
    static readonly TypedFunction<RowsLaunch> threads = module.Typed<RowsLaunch>("softmaxThreads");
    static readonly TypedFunction<RowsLaunch> warps = module.Typed<RowsLaunch>("softmaxWarps");
    static readonly TypedFunction<RowsLaunch> blocks = module.Typed<RowsLaunch>("softmaxBlocks");
    static readonly TypedFunction<RowsLaunch> slopeThreads = module.Typed<RowsLaunch>("softmaxSlopeThreads");
    static readonly TypedFunction<RowsLaunch> slopeWarps = module.Typed<RowsLaunch>("softmaxSlopeWarps");
    static readonly TypedFunction<RowsLaunch> slopeBlocks = module.Typed<RowsLaunch>("softmaxSlopeBlocks");

    struct ForwardCuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged => Share(device, a, threads.For<T>(), warps.For<T>(), blocks.For<T>());
    }

    struct BackwardCuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged => Share(device, a, slopeThreads.For<T>(), slopeWarps.For<T>(), slopeBlocks.For<T>());
    }

    /// <summary>Columns are the rows of threads that read neighbours.</summary>
    static void Share(CudaDevice device, in Args a, CudaFunction<RowsLaunch> threads, CudaFunction<RowsLaunch> warps, CudaFunction<RowsLaunch> blocks)
    {
        RowsLaunch rows = new(a.X, a.Y, a.Saved, a.Outer * a.Inner, a.N, a.Inner, a.Logarithm ? 1 : 0);
        if (a.Inner == 1) Teams.Launch(device, warps, blocks, rows.Rows, a.N, rows);
        else Teams.Threads(device, threads, rows.Rows, rows);
    }
}
