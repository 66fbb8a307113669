using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class GroupNormOp
{
    const int ForwardThreads = 512, SliceRows = 64, WarpSize = 32, BlockRows = 8;

    readonly record struct ForwardLaunch(Pointer X, Pointer Gamma, Pointer Beta, Pointer Statistics, Pointer Y, int Area, int C, int Groups, float Epsilon);
    readonly record struct SumsLaunch(Pointer X, Pointer Dy, Pointer Statistics, Pointer Partial, int Area, int C, int Groups);
    readonly record struct MeansLaunch(Pointer Partial, Pointer Gamma, Pointer Means, int Rows, int Area, int C, int Groups);
    readonly record struct InputLaunch(Pointer X, Pointer Gamma, Pointer Dy, Pointer Statistics, Pointer Means, Pointer Dx, int Area, int C, int Groups, int SliceRows, int Slices);

    static readonly CudaModule module = new(typeof(GroupNormOp), "GroupNorm");
    static readonly CudaFunction<ForwardLaunch> forwardGroups = module.Function<ForwardLaunch>("groupNormForward");
    static readonly CudaFunction<SumsLaunch> sampleSums = module.Function<SumsLaunch>("groupNormSums");
    static readonly CudaFunction<MeansLaunch> groupMeans = module.Function<MeansLaunch>("groupNormMeans");
    static readonly CudaFunction<InputLaunch> inputRows = module.Function<InputLaunch>("groupNormInput");

    struct ForwardCuda : ICudaKernel<ForwardArgs>
    {
        public static void Run(CudaDevice device, in ForwardArgs a)
            => device.Launch(forwardGroups, a.N * a.Groups, ForwardThreads, new(a.X, a.Gamma, a.Beta, a.Statistics, a.Y, a.Area, a.C, a.Groups, (float)a.Epsilon));
    }

    struct BackwardCuda : ICudaKernel<BackwardArgs>
    {
        public static void Run(CudaDevice device, in BackwardArgs a)
        {
            int rows = a.N * a.Groups, columns = Workers.Blocks(a.C, Partials.Columns), slices = Workers.Blocks(a.Area, SliceRows);
            using Scratch scratch = device.Scratch(2L * rows * sizeof(float));
            Pointer means = Pointer.At(scratch.As<float>());
            device.Launch(sampleSums, new(a.N, columns), Partials.Block, new(a.X, a.Dy, a.Statistics, a.Partial, a.Area, a.C, a.Groups));
            device.Launch(groupMeans, Workers.Blocks(rows, BlockRows), new(WarpSize, BlockRows), new(a.Partial, a.Gamma, means, rows, a.Area, a.C, a.Groups));
            device.Launch(inputRows, new(a.N * slices, columns), Partials.Block, new(a.X, a.Gamma, a.Dy, a.Statistics, means, a.Dx, a.Area, a.C, a.Groups, SliceRows, slices));
            Partials.Sum(device, a.Partial, a.N, 2 * a.C, a.DParameters);
        }
    }
}
