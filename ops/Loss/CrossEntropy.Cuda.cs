using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class CrossEntropy
{
    readonly record struct RowsLaunch(Pointer X, Pointer Target, Pointer Classes, Pointer Normalizer, Pointer Y, Pointer Dy, int Rows, int N, int DyStep, float Smoothing, float Slope);

    static readonly CudaModule module = new(typeof(CrossEntropy), "CrossEntropy");
    static readonly TypedFunction<RowsLaunch> warps = module.Typed<RowsLaunch>("crossEntropyWarps");
    static readonly TypedFunction<RowsLaunch> blocks = module.Typed<RowsLaunch>("crossEntropyBlocks");
    static readonly TypedFunction<RowsLaunch> slopeWarps = module.Typed<RowsLaunch>("crossEntropySlopeWarps");
    static readonly TypedFunction<RowsLaunch> slopeBlocks = module.Typed<RowsLaunch>("crossEntropySlopeBlocks");

    struct ForwardCuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged => Teams.Launch(device, warps.For<T>(), blocks.For<T>(), a.With.Rows, a.With.Classes, Rows(a));
    }

    struct BackwardCuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged => Teams.Launch(device, slopeWarps.For<T>(), slopeBlocks.For<T>(), a.With.Rows, a.With.Classes, Rows(a));
    }

    static RowsLaunch Rows(in Args a)
    {
        Setting s = a.With;
        return new(a.X, s.Indices ? default : a.T, s.Indices ? a.T : default, a.Normalizer, a.Y, a.Dy, s.Rows, s.Classes, s.DyStep, (float)s.Smoothing, (float)s.Slope);
    }
}
