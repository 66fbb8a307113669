using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class IndexSelect
{
    const int Threads = 256, Warps = 8, WarpSize = 32;

    readonly record struct SelectLaunch(Pointer X, Pointer Index, Pointer Y, int Outer, int Size, int Selected, int Inner);

    static readonly CudaModule module = new(typeof(IndexSelect), "IndexSelect");
    static readonly TypedFunction<SelectLaunch> selectWords = module.Typed<SelectLaunch>("indexSelect"), accumulateRows = module.Typed<SelectLaunch>("indexAccumulate");

    struct SelectCuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged
            => device.Launch(selectWords.For<T>(), Workers.Blocks((long)a.Outer * a.Selected * a.Inner, Threads), Threads, new(a.X, a.Index, a.Y, a.Outer, a.Size, a.Selected, a.Inner));
    }

    struct AccumulateCuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged
            => device.Launch(accumulateRows.For<T>(), Workers.Blocks((long)a.Outer * a.Size * Workers.Blocks(a.Inner, WarpSize), Warps), new(WarpSize, Warps),
                new(a.X, a.Index, a.Y, a.Outer, a.Size, a.Selected, a.Inner));
    }
}
