using MiniTorch.Cuda;

namespace MiniTorch.Models;

public sealed unsafe partial class Lamb
{
    static readonly CudaFunction<MembersLaunch> applyPieces = new CudaModule(typeof(Lamb), "Lamb").Function<MembersLaunch>("lambApply");

    struct ApplyCuda : ISingleCudaKernel<TrustArgs>
    {
        public static void Run(CudaDevice device, in TrustArgs a) => device.Launch(applyPieces, a.Members.Grid, MembersLaunch.Threads, a.Members.Record);
    }
}
