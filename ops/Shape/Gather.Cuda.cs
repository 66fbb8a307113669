using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class Gather
{
    const int Threads = 256;

    readonly record struct GatherLaunch(Pointer X, Pointer Index, Pointer Y, CudaDims Steps, CudaDims Sizes, int Rank, int Dim, int Size, int Count, int Elements);

    static readonly CudaModule module = new(typeof(Gather), "Gather");
    static readonly TypedFunction<GatherLaunch> gatherWords = module.Typed<GatherLaunch>("gather"), scatterSums = module.Typed<GatherLaunch>("scatter");

    static GatherLaunch Record(in Args a)
    {
        CudaDims steps = default, sizes = default;
        for (int d = 0; d < a.Rank; d++) (steps[d], sizes[d]) = (a.Strides[d], a.Sizes[d]);
        return new(a.X, a.Index, a.Y, steps, sizes, a.Rank, a.Dim, a.Size, a.Count, a.Elements);
    }

    struct GatherCuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged => device.Launch(gatherWords.For<T>(), Workers.Blocks(a.Count, Threads), Threads, Record(a));
    }

    struct ScatterCuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged => device.Launch(scatterSums.For<T>(), Workers.Blocks(a.Elements, Threads), Threads, Record(a));
    }
}
