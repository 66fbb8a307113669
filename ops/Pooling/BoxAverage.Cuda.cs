using MiniTorch.Cuda;

namespace MiniTorch.Ops;

static unsafe partial class BoxAverage
{
    const int Threads = 256;

    readonly record struct AxisLaunch(int In, int Out, int Kernel, int Stride, int Padding, int Adaptive);
    readonly record struct BoxesLaunch(Pointer X, Pointer Y, int Batch, int Channels, AxisLaunch D, AxisLaunch H, AxisLaunch W, int Divisor);

    static readonly CudaModule module = new(typeof(BoxAverage), "BoxAverage");
    static readonly TypedFunction<BoxesLaunch> averages = module.Typed<BoxesLaunch>("boxAverageForward");
    static readonly TypedFunction<BoxesLaunch> shares = module.Typed<BoxesLaunch>("boxAverageBackward");

    struct ForwardCuda : ICudaKernel<BoxArgs>
    {
        public static void Run<T>(CudaDevice device, in BoxArgs a) where T : unmanaged
            => device.Launch(averages.For<T>(), Workers.Blocks((long)a.Batch * a.D.Out * a.H.Out * a.W.Out * a.Channels, Threads), Threads, Boxes(a));
    }

    struct BackwardCuda : ICudaKernel<BoxArgs>
    {
        public static void Run<T>(CudaDevice device, in BoxArgs a) where T : unmanaged
            => device.Launch(shares.For<T>(), Workers.Blocks((long)a.Batch * a.D.In * a.H.In * a.W.In * a.Channels, Threads), Threads, Boxes(a));
    }

    static BoxesLaunch Boxes(in BoxArgs a) => new(a.X, a.Y, a.Batch, a.Channels, Line(a.D), Line(a.H), Line(a.W), a.Divisor);

    static AxisLaunch Line(BoxAxis a) => new(a.In, a.Out, a.Kernel, a.Stride, a.Padding, a.Adaptive ? 1 : 0);
}
