using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class MaxPool
{
    const int Threads = 256;

    readonly record struct PoolLaunch(Pointer X, Pointer Y, Pointer Winners, Windows Windows);

    static readonly CudaModule module = new(typeof(MaxPool), "MaxPool");
    static readonly TypedFunction<PoolLaunch> pool = module.Typed<PoolLaunch>("maxPoolForward");
    static readonly TypedFunction<PoolLaunch> slopes = module.Typed<PoolLaunch>("maxPoolBackward");

    struct ForwardCuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged
            => device.Launch(pool.For<T>(), Workers.Blocks((long)a.Windows.Batch * a.Windows.Outputs * a.Windows.Channels, Threads), Threads, new(a.X, a.Y, a.Winners, a.Windows));
    }

    struct BackwardCuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged
            => device.Launch(slopes.For<T>(), Workers.Blocks((long)a.Windows.Batch * a.Windows.Inputs * a.Windows.Channels, Threads), Threads, new(a.X, a.Y, a.Winners, a.Windows));
    }
}
