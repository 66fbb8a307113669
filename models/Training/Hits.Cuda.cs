using MiniTorch.Cuda;

namespace MiniTorch.Models;

sealed unsafe partial class Hits
{
    const int Threads = 256;

    readonly record struct HitsLaunch(Pointer Labels, Pointer Guesses, Pointer Table, int Count, int Classes);

    static readonly CudaModule module = new(typeof(Hits), "Hits");
    static readonly CudaFunction<HitsLaunch> addHits = module.Function<HitsLaunch>("hitsAdd");

    struct AddCuda : ISingleCudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args a) => device.Launch(addHits, Workers.Blocks(a.Count, Threads), Threads, new(a.Labels, a.Guesses, a.Table, a.Count, a.Classes));
    }
}
