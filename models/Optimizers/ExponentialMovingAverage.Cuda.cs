using MiniTorch.Cuda;

namespace MiniTorch.Models;

public sealed unsafe partial class ExponentialMovingAverage
{
    readonly record struct BlendLaunch(MembersLaunch Members, Pointer Share);

    static readonly CudaModule module = new(typeof(ExponentialMovingAverage), "Average");
    static readonly CudaFunction<BlendLaunch> blendPieces = module.Function<BlendLaunch>("averageBlend");
    static readonly CudaFunction<MembersLaunch> exchangePieces = module.Function<MembersLaunch>("averageExchange");

    struct BlendCuda : ISingleCudaKernel<BlendArgs>
    {
        public static void Run(CudaDevice device, in BlendArgs a) => device.Launch(blendPieces, a.Members.Grid, MembersLaunch.Threads, new(a.Members.Record, a.Share));
    }

    struct ExchangeCuda : ISingleCudaKernel<ExchangeArgs>
    {
        public static void Run(CudaDevice device, in ExchangeArgs a) => device.Launch(exchangePieces, a.Members.Grid, MembersLaunch.Threads, a.Members.Record);
    }
}
