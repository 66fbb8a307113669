using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class MaxPool
{
    const int Threads = 256;

    readonly record struct PoolLaunch(Pointer X, Pointer Y, Pointer Winners, Windows Windows);

    static readonly CudaModule module = new(typeof(MaxPool), "MaxPool");
    static readonly CudaFunction<PoolLaunch> pool = module.Function<PoolLaunch>("maxPoolForward");
    static readonly CudaFunction<PoolLaunch> slopes = module.Function<PoolLaunch>("maxPoolBackward");

    struct ForwardCuda : ICudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args a)
            => device.Launch(pool, Workers.Blocks((long)a.Windows.Batch * a.Windows.Outputs * a.Windows.Channels, Threads), Threads, new(a.X, a.Y, a.Winners, a.Windows));
    }

    struct BackwardCuda : ICudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args a)
            => device.Launch(slopes, Workers.Blocks((long)a.Windows.Batch * a.Windows.Inputs * a.Windows.Channels, Threads), Threads, new(a.X, a.Y, a.Winners, a.Windows));
    }
}
