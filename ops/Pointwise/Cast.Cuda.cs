using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class Cast
{
    const int Threads = 256, ThreadElements = 4;

    readonly record struct CastLaunch(Pointer X, Pointer Y, int Count);

    static readonly CudaModule module = new(typeof(Cast), "Cast");
    static readonly CudaFunction<CastLaunch> narrow = module.Function<CastLaunch>("castNarrow"), widen = module.Function<CastLaunch>("castWiden");

    struct Cuda : ISingleCudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args a)
            => device.Launch(a.To == DType.BFloat16 ? narrow : widen, Workers.Blocks(a.Count, Threads * ThreadElements), Threads, new(a.X, a.Y, a.Count));
    }
}
