using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class Cdist
{
    const int Threads = 256;

    readonly record struct PairsLaunch(Pointer A, Pointer B, Pointer Y, int Points, int N, int M, int D);
    readonly record struct SlopesLaunch(Pointer A, Pointer B, Pointer Dy, Pointer Y, Pointer Da, int Points, int N, int M, int D, int Transposed);

    static readonly CudaModule module = new(typeof(Cdist), "Cdist");
    static readonly CudaFunction<PairsLaunch> pairs = module.Function<PairsLaunch>("cdistForward");
    static readonly CudaFunction<SlopesLaunch> slopes = module.Function<SlopesLaunch>("cdistBackward");

    struct ForwardCuda : ICudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args a)
            => device.Launch(pairs, Workers.Blocks((long)a.Points * a.M, Threads), Threads, new(a.A, a.B, a.Y, a.Points, a.N, a.M, a.D));
    }

    struct BackwardCuda : ICudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args a)
            => device.Launch(slopes, Workers.Blocks((long)a.Points * a.D, Threads), Threads, new(a.A, a.B, a.Dy, a.Y, a.Da, a.Points, a.N, a.M, a.D, a.Transposed ? 1 : 0));
    }
}
