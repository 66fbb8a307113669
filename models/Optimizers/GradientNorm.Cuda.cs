using MiniTorch.Cuda;

namespace MiniTorch.Models;

sealed unsafe partial class GradientNorm
{
    readonly record struct SquaresLaunch(MembersLaunch Members, Pointer Partial);
    readonly record struct SlotsLaunch(Pointer FirstBlocks, Pointer Partial, Pointer Sums, int Members, int Slots);
    readonly record struct LimitLaunch(Pointer Squares, Pointer Result, int Count, double Limit, double Added);

    static readonly CudaModule module = new(typeof(GradientNorm), "GradientNorm");
    static readonly CudaFunction<SquaresLaunch> squarePieces = module.Function<SquaresLaunch>("gradientSquares");
    static readonly CudaFunction<SlotsLaunch> sumSlots = module.Function<SlotsLaunch>("gradientSlots");
    static readonly CudaFunction<LimitLaunch> limitNorm = module.Function<LimitLaunch>("gradientLimit");

    struct SquaresCuda : ISingleCudaKernel<SquaresArgs>
    {
        public static void Run(CudaDevice device, in SquaresArgs a)
        {
            MembersLaunch members = a.Members.Record;
            using Scratch partial = device.Scratch((long)a.Members.Grid * sizeof(double));
            Pointer pieces = Pointer.At(partial.As<double>());
            device.Launch(squarePieces, a.Members.Grid, MembersLaunch.Threads, new(members, pieces));
            device.Launch(sumSlots, Workers.Blocks(a.Slots, MembersLaunch.Threads), MembersLaunch.Threads, new(members.FirstBlocks, pieces, a.Sums, a.Members.Count, a.Slots));
        }
    }

    struct LimitCuda : ISingleCudaKernel<LimitArgs>
    {
        public static void Run(CudaDevice device, in LimitArgs a) => device.Launch(limitNorm, 1, MembersLaunch.Threads, new(a.Squares, a.Result, a.Count, a.Limit, a.Added));
    }
}
