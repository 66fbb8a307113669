using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class Gather
{
    const int Threads = 256;

    readonly record struct GatherLaunch(Pointer X, Pointer Index, Pointer Y, CudaDims Steps, CudaDims Sizes, int Rank, int Dim, int Size, int Count, int Elements);

    static readonly CudaModule module = new(typeof(Gather), "Gather");
    static readonly CudaFunction<GatherLaunch> gatherWords = module.Function<GatherLaunch>("gather"), scatterSums = module.Function<GatherLaunch>("scatter");

    static GatherLaunch Record(in Args a)
    {
        CudaDims steps = default, sizes = default;
        for (int d = 0; d < a.Rank; d++) (steps[d], sizes[d]) = (a.Strides[d], a.Sizes[d]);
        return new(a.X, a.Index, a.Y, steps, sizes, a.Rank, a.Dim, a.Size, a.Count, a.Elements);
    }

    struct GatherCuda : ICudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args a) => device.Launch(gatherWords, Workers.Blocks(a.Count, Threads), Threads, Record(a));
    }

    struct ScatterCuda : ICudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args a) => device.Launch(scatterSums, Workers.Blocks(a.Elements, Threads), Threads, Record(a));
    }
}
