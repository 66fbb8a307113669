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
    static readonly TypedFunction<ForwardLaunch> forwardGroups = module.Typed<ForwardLaunch>("groupNormForward");
    static readonly TypedFunction<SumsLaunch> sampleSums = module.Typed<SumsLaunch>("groupNormSums");
    static readonly TypedFunction<MeansLaunch> groupMeans = module.Typed<MeansLaunch>("groupNormMeans");
    static readonly TypedFunction<InputLaunch> inputRows = module.Typed<InputLaunch>("groupNormInput");

    struct ForwardCuda : ICudaKernel<ForwardArgs>
    {
        public static void Run<T>(CudaDevice device, in ForwardArgs a) where T : unmanaged
            => device.Launch(forwardGroups.For<T>(), a.N * a.Groups, ForwardThreads, new(a.X, a.Gamma, a.Beta, a.Statistics, a.Y, a.Area, a.C, a.Groups, (float)a.Epsilon));
    }

    struct BackwardCuda : ICudaKernel<BackwardArgs>
    {
        public static void Run<T>(CudaDevice device, in BackwardArgs a) where T : unmanaged
        {
            int rows = a.N * a.Groups, columns = Workers.Blocks(a.C, Partials.Columns), slices = Workers.Blocks(a.Area, SliceRows);
            using Scratch scratch = device.Scratch(2L * rows * sizeof(float));
            Pointer means = Pointer.At(scratch.As<float>());
            device.Launch(sampleSums.For<T>(), new(a.N, columns), Partials.Block, new(a.X, a.Dy, a.Statistics, a.Partial, a.Area, a.C, a.Groups));
            device.Launch(groupMeans.For<T>(), Workers.Blocks(rows, BlockRows), new(WarpSize, BlockRows), new(a.Partial, a.Gamma, means, rows, a.Area, a.C, a.Groups));
            device.Launch(inputRows.For<T>(), new(a.N * slices, columns), Partials.Block, new(a.X, a.Gamma, a.Dy, a.Statistics, means, a.Dx, a.Area, a.C, a.Groups, SliceRows, slices));
            Partials.Sum<T>(device, a.Partial, a.N, 2 * a.C, a.DParameters);
        }
    }
}
