using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class ResidualOp
{
    const int Threads = 256, ThreadElements = 4;

    readonly record struct ForwardLaunch(Pointer X, Pointer Branch, Pointer Gamma, Pointer Factors, Pointer Y, int Count, int Example, int C);
    readonly record struct BackwardLaunch(Pointer Dy, Pointer Branch, Pointer Gamma, Pointer Factors, Pointer DBranch, Pointer Partial, int Rows, int ExampleRows, int C, int SliceRows);

    static readonly CudaModule module = new(typeof(ResidualOp), "Residual");
    static readonly TypedFunction<ForwardLaunch> forwardElements = module.Typed<ForwardLaunch>("residualForward");
    static readonly TypedFunction<BackwardLaunch> backwardSlices = module.Typed<BackwardLaunch>("residualBackward");

    struct ForwardCuda : ICudaKernel<ForwardArgs>
    {
        public static void Run<T>(CudaDevice device, in ForwardArgs a) where T : unmanaged
        {
            Setting with = a.With;
            int example = with.Rows * with.C, count = with.Examples * example;
            using Scratch scratch = device.Scratch(a.State.IsNull ? 0 : (long)with.Examples * sizeof(float));
            device.Launch(forwardElements.For<T>(), Workers.Blocks(count, Threads * ThreadElements), Threads, new(a.X, a.Branch, a.Gamma, Factors(device, a.State, with, scratch), a.Y, count, example, with.C));
        }
    }

    struct BackwardCuda : ICudaKernel<BackwardArgs>
    {
        public static void Run<T>(CudaDevice device, in BackwardArgs a) where T : unmanaged
        {
            Setting with = a.With;
            RowSlices slices = new(with.Examples * with.Rows, with.C);
            using Scratch drawn = device.Scratch(a.State.IsNull ? 0 : (long)with.Examples * sizeof(float));
            using Scratch scratch = device.Scratch(a.DGamma.IsNull ? 0 : (long)slices.Count * with.C * sizeof(float));
            Pointer partial = a.DGamma.IsNull ? default : Pointer.At(scratch.As<float>());
            device.Launch(backwardSlices.For<T>(), slices.Grid, RowSlices.Block,
                new(a.Dy, a.Branch, a.Gamma, Factors(device, a.State, with, drawn), a.DBranch, partial, with.Examples * with.Rows, with.Rows, with.C, slices.Rows));
            if (!a.DGamma.IsNull) Fold<Sum.Plus>.Merge<T>(device, partial, slices.Count, with.C, a.DGamma);
        }
    }

    /// <summary>m of each example; null where all are 1.</summary>
    static Pointer Factors(CudaDevice device, Pointer state, in Setting with, in Scratch scratch)
    {
        if (state.IsNull) return default;
        Pointer factors = Pointer.At(scratch.As<float>());
        DropoutOp.Factors(device, state, with.Site, with.Rate, with.Examples, factors);
        return factors;
    }
}
