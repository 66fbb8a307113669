using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class BatchNormOp
{
    const int SliceRows = 256, ApplyRows = 64, Threads = 256;

    readonly record struct MomentsLaunch(Pointer X, Pointer Partial, int Rows, int C, int SliceRows);
    readonly record struct MergeLaunch(Pointer Partial, Pointer RunningMean, Pointer RunningVariance, Pointer Statistics, int Rows, int C, int SliceRows, int Slices, float Momentum, float Epsilon);
    readonly record struct FrozenLaunch(Pointer RunningMean, Pointer RunningVariance, Pointer Statistics, int C, float Epsilon);
    readonly record struct ApplyLaunch(Pointer X, Pointer Gamma, Pointer Beta, Pointer Statistics, Pointer Y, int Rows, int C, int SliceRows);
    readonly record struct SumsLaunch(Pointer X, Pointer Dy, Pointer Statistics, Pointer Partial, int Rows, int C, int SliceRows);
    readonly record struct InputLaunch(Pointer X, Pointer Gamma, Pointer Dy, Pointer Statistics, Pointer Sums, Pointer Dx, int Rows, int C, int SliceRows, float Share);

    static readonly CudaModule module = new(typeof(BatchNormOp), "BatchNorm");
    static readonly TypedFunction<MomentsLaunch> moments = module.Typed<MomentsLaunch>("batchNormMoments");
    static readonly CudaFunction<MergeLaunch> merge = module.Function<MergeLaunch>("batchNormMerge");
    static readonly CudaFunction<FrozenLaunch> frozen = module.Function<FrozenLaunch>("batchNormFrozen");
    static readonly TypedFunction<ApplyLaunch> apply = module.Typed<ApplyLaunch>("batchNormApply");
    static readonly TypedFunction<SumsLaunch> slopeSums = module.Typed<SumsLaunch>("batchNormSums");
    static readonly TypedFunction<InputLaunch> inputRows = module.Typed<InputLaunch>("batchNormInput");

    /// <summary>Blocks of slices of rows, and of the columns.</summary>
    static Dim3 Grid(int rows, int sliceRows, int c) => new(Workers.Blocks(rows, sliceRows), Workers.Blocks(c, Partials.Columns));

    struct ForwardCuda : ICudaKernel<ForwardArgs>
    {
        public static void Run<T>(CudaDevice device, in ForwardArgs a) where T : unmanaged
        {
            if (a.Batch)
            {
                int slices = Workers.Blocks(a.Rows, SliceRows);
                using Scratch scratch = device.Scratch(2L * slices * a.C * sizeof(float));
                Pointer partial = Pointer.At(scratch.As<float>());
                device.Launch(moments.For<T>(), Grid(a.Rows, SliceRows, a.C), Partials.Block, new(a.X, partial, a.Rows, a.C, SliceRows));
                device.Launch(merge, Workers.Blocks(a.C, Partials.Columns), Partials.Block,
                    new(partial, a.RunningMean, a.RunningVariance, a.Statistics, a.Rows, a.C, SliceRows, slices, (float)a.Momentum, (float)a.Epsilon));
            }
            else device.Launch(frozen, Workers.Blocks(a.C, Threads), Threads, new(a.RunningMean, a.RunningVariance, a.Statistics, a.C, (float)a.Epsilon));
            device.Launch(apply.For<T>(), Grid(a.Rows, ApplyRows, a.C), Partials.Block, new(a.X, a.Gamma, a.Beta, a.Statistics, a.Y, a.Rows, a.C, ApplyRows));
        }
    }

    struct BackwardCuda : ICudaKernel<BackwardArgs>
    {
        public static void Run<T>(CudaDevice device, in BackwardArgs a) where T : unmanaged
        {
            int slices = Workers.Blocks(a.Rows, SliceRows);
            using Scratch scratch = device.Scratch(2L * (slices + 1) * a.C * sizeof(float));
            Pointer partial = Pointer.At(scratch.As<float>()), sums = typeof(T) == typeof(float) ? a.DParameters : Pointer.At(scratch.As<float>() + 2L * slices * a.C);
            device.Launch(slopeSums.For<T>(), Grid(a.Rows, SliceRows, a.C), Partials.Block, new(a.X, a.Dy, a.Statistics, partial, a.Rows, a.C, SliceRows));
            Partials.Sum<T>(device, partial, slices, 2 * a.C, a.DParameters);
            if (typeof(T) != typeof(float)) Partials.Sum<float>(device, partial, slices, 2 * a.C, sums);         // dx takes them as they were summed
            device.Launch(inputRows.For<T>(), Grid(a.Rows, ApplyRows, a.C), Partials.Block,
                new(a.X, a.Gamma, a.Dy, a.Statistics, sums, a.Dx, a.Rows, a.C, ApplyRows, a.Batch ? 1f / a.Rows : 0));
        }
    }
}
