using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class CrossEntropy
{
    readonly record struct RowsLaunch(Pointer X, Pointer Target, Pointer Classes, Pointer Normalizer, Pointer Y, Pointer Dy, int Rows, int N, int DyStep, float Smoothing, float Slope);

    static readonly CudaModule module = new(typeof(CrossEntropy), "CrossEntropy");
    static readonly CudaFunction<RowsLaunch> warps = module.Function<RowsLaunch>("crossEntropyWarps");
    static readonly CudaFunction<RowsLaunch> blocks = module.Function<RowsLaunch>("crossEntropyBlocks");
    static readonly CudaFunction<RowsLaunch> slopeWarps = module.Function<RowsLaunch>("crossEntropySlopeWarps");
    static readonly CudaFunction<RowsLaunch> slopeBlocks = module.Function<RowsLaunch>("crossEntropySlopeBlocks");

    struct ForwardCuda : ICudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args a) => Teams.Launch(device, warps, blocks, a.With.Rows, a.With.Classes, Rows(a));
    }

    struct BackwardCuda : ICudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args a) => Teams.Launch(device, slopeWarps, slopeBlocks, a.With.Rows, a.With.Classes, Rows(a));
    }

    static RowsLaunch Rows(in Args a)
    {
        Setting s = a.With;
        return new(a.X, s.Indices ? default : a.T, s.Indices ? a.T : default, a.Normalizer, a.Y, a.Dy, s.Rows, s.Classes, s.DyStep, (float)s.Smoothing, (float)s.Slope);
    }
}
