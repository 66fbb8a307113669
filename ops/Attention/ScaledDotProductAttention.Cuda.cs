using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class ScaledDotProductAttention
{
    const int Threads = 256;

    readonly record struct MaskSteps(int Batch, int Head, int Row, int Column);
    readonly record struct RowsLaunch(Pointer P, Pointer D, Pointer Mask, int Batch, int Heads, int N, int M, int MaskCount, MaskSteps Steps, float Scale);

    static readonly CudaModule module = new(typeof(ScaledDotProductAttention), "ScaledDotProductAttention");
    static readonly TypedFunction<RowsLaunch> softmaxWarps = module.Typed<RowsLaunch>("attentionSoftmaxWarps");
    static readonly TypedFunction<RowsLaunch> softmaxBlocks = module.Typed<RowsLaunch>("attentionSoftmaxBlocks");
    static readonly TypedFunction<RowsLaunch> slopeWarps = module.Typed<RowsLaunch>("attentionSlopeWarps");
    static readonly TypedFunction<RowsLaunch> slopeBlocks = module.Typed<RowsLaunch>("attentionSlopeBlocks");
    static readonly TypedFunction<RowsLaunch> scaleAll = module.Typed<RowsLaunch>("attentionScale");
    static readonly TypedFunction<RowsLaunch> maskSums = module.Typed<RowsLaunch>("attentionMask");

    struct SoftmaxCuda : ICudaKernel<RowArgs>
    {
        public static void Run<T>(CudaDevice device, in RowArgs a) where T : unmanaged => Teams.Launch(device, softmaxWarps.For<T>(), softmaxBlocks.For<T>(), a.Rows, a.M, Launch(a));
    }

    struct SlopeCuda : ICudaKernel<RowArgs>
    {
        public static void Run<T>(CudaDevice device, in RowArgs a) where T : unmanaged => Teams.Launch(device, slopeWarps.For<T>(), slopeBlocks.For<T>(), a.Rows, a.M, Launch(a));
    }

    struct ScaleCuda : ICudaKernel<RowArgs>
    {
        public static void Run<T>(CudaDevice device, in RowArgs a) where T : unmanaged => device.Launch(scaleAll.For<T>(), Workers.Blocks((long)a.Rows * a.M, Threads), Threads, Launch(a));
    }

    struct MaskCuda : ICudaKernel<RowArgs>
    {
        public static void Run<T>(CudaDevice device, in RowArgs a) where T : unmanaged => device.Launch(maskSums.For<T>(), Workers.Blocks(a.MaskCount, Threads), Threads, Launch(a));
    }

    static RowsLaunch Launch(in RowArgs a)
        => new(a.P, a.D, a.Mask, a.Batch, a.Heads, a.N, a.M, a.MaskCount, new(a.MaskBatch, a.MaskHead, a.MaskRow, a.MaskColumn), (float)a.Scale);
}
