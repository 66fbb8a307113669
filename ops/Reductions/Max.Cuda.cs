using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class Max
{
    const int Threads = 256, WarpSize = 32, BlockRows = 8;
    const int LongestForThread = 16;        // elements of a row

    readonly record struct FindLaunch(Pointer X, Pointer Y, Pointer Indices, int Outputs, int N, int Inner);
    readonly record struct ScatterLaunch(Pointer Dx, Pointer Dy, Pointer Indices, int Outputs, int N, int Inner);

    static readonly CudaModule module = new(typeof(Max), "Max");
    static readonly TypedFunction<FindLaunch> findByThreads = module.Typed<FindLaunch>("maxThreads");
    static readonly TypedFunction<FindLaunch> findByWarps = module.Typed<FindLaunch>("maxWarps");
    static readonly TypedFunction<ScatterLaunch> scatterRows = module.Typed<ScatterLaunch>("maxScatter");

    struct FindCuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged
        {
            FindLaunch launch = new(a.X, a.Y, a.Indices, a.Outputs, a.N, a.Inner);
            if (a.Inner > 1 || a.N <= LongestForThread) device.Launch(findByThreads.For<T>(), Workers.Blocks(a.Outputs, Threads), Threads, launch);
            else device.Launch(findByWarps.For<T>(), Workers.Blocks(a.Outputs, BlockRows), new(WarpSize, BlockRows), launch);
        }
    }

    struct ScatterCuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged
            => device.Launch(scatterRows.For<T>(), Workers.Blocks(a.Outputs, Threads), Threads, new(a.X, a.Y, a.Indices, a.Outputs, a.N, a.Inner));
    }
}
