using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class ScaledDotProductAttention
{
    const int Threads = 256;

    readonly record struct MaskSteps(int Batch, int Head, int Row, int Column);
    readonly record struct RowsLaunch(Pointer P, Pointer D, Pointer Mask, int Batch, int Heads, int N, int M, int MaskCount, MaskSteps Steps, float Scale);

    static readonly CudaModule module = new(typeof(ScaledDotProductAttention), "ScaledDotProductAttention");
    static readonly CudaFunction<RowsLaunch> softmaxWarps = module.Function<RowsLaunch>("attentionSoftmaxWarps");
    static readonly CudaFunction<RowsLaunch> softmaxBlocks = module.Function<RowsLaunch>("attentionSoftmaxBlocks");
    static readonly CudaFunction<RowsLaunch> slopeWarps = module.Function<RowsLaunch>("attentionSlopeWarps");
    static readonly CudaFunction<RowsLaunch> slopeBlocks = module.Function<RowsLaunch>("attentionSlopeBlocks");
    static readonly CudaFunction<RowsLaunch> scaleAll = module.Function<RowsLaunch>("attentionScale");
    static readonly CudaFunction<RowsLaunch> maskSums = module.Function<RowsLaunch>("attentionMask");

    struct SoftmaxCuda : ICudaKernel<RowArgs>
    {
        public static void Run(CudaDevice device, in RowArgs a) => Teams.Launch(device, softmaxWarps, softmaxBlocks, a.Rows, a.M, Launch(a));
    }

    struct SlopeCuda : ICudaKernel<RowArgs>
    {
        public static void Run(CudaDevice device, in RowArgs a) => Teams.Launch(device, slopeWarps, slopeBlocks, a.Rows, a.M, Launch(a));
    }

    struct ScaleCuda : ICudaKernel<RowArgs>
    {
        public static void Run(CudaDevice device, in RowArgs a) => device.Launch(scaleAll, Workers.Blocks((long)a.Rows * a.M, Threads), Threads, Launch(a));
    }

    struct MaskCuda : ICudaKernel<RowArgs>
    {
        public static void Run(CudaDevice device, in RowArgs a) => device.Launch(maskSums, Workers.Blocks(a.MaskCount, Threads), Threads, Launch(a));
    }

    static RowsLaunch Launch(in RowArgs a)
        => new(a.P, a.D, a.Mask, a.Batch, a.Heads, a.N, a.M, a.MaskCount, new(a.MaskBatch, a.MaskHead, a.MaskRow, a.MaskColumn), (float)a.Scale);
}
