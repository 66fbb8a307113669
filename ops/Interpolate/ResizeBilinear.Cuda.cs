using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class ResizeBilinear
{
    const int Threads = 256;

    readonly record struct LineLaunch(int In, int Out, int AlignCorners);
    readonly record struct GridLaunch(Pointer X, Pointer Y, int Batch, int Channels, LineLaunch H, LineLaunch W);

    static readonly CudaModule module = new(typeof(ResizeBilinear), "ResizeBilinear");
    static readonly TypedFunction<GridLaunch> blends = module.Typed<GridLaunch>("resizeBilinearForward");
    static readonly TypedFunction<GridLaunch> shares = module.Typed<GridLaunch>("resizeBilinearBackward");

    struct ForwardCuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged
            => device.Launch(blends.For<T>(), Workers.Blocks((long)a.Batch * a.H.Out * a.W.Out * a.Channels, Threads), Threads, Grid(a));
    }

    struct BackwardCuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged
            => device.Launch(shares.For<T>(), Workers.Blocks((long)a.Batch * a.H.In * a.W.In * a.Channels, Threads), Threads, Grid(a));
    }

    static GridLaunch Grid(in Args a) => new(a.X, a.Y, a.Batch, a.Channels, Sides(a.H), Sides(a.W));

    static LineLaunch Sides(Line line) => new(line.In, line.Out, line.AlignCorners ? 1 : 0);
}
