using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class Cdist
{
    const int Threads = 256;

    readonly record struct PairsLaunch(Pointer A, Pointer B, Pointer Y, int Points, int N, int M, int D);
    readonly record struct SlopesLaunch(Pointer A, Pointer B, Pointer Dy, Pointer Y, Pointer Da, int Points, int N, int M, int D, int Transposed);

    static readonly CudaModule module = new(typeof(Cdist), "Cdist");
    static readonly TypedFunction<PairsLaunch> pairs = module.Typed<PairsLaunch>("cdistForward");
    static readonly TypedFunction<SlopesLaunch> slopes = module.Typed<SlopesLaunch>("cdistBackward");

    struct ForwardCuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged
            => device.Launch(pairs.For<T>(), Workers.Blocks((long)a.Points * a.M, Threads), Threads, new(a.A, a.B, a.Y, a.Points, a.N, a.M, a.D));
    }

    struct BackwardCuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged
            => device.Launch(slopes.For<T>(), Workers.Blocks((long)a.Points * a.D, Threads), Threads, new(a.A, a.B, a.Dy, a.Y, a.Da, a.Points, a.N, a.M, a.D, a.Transposed ? 1 : 0));
    }
}
