using MiniTorch.Cuda;

namespace MiniTorch.Ops;

/// <summary>The parameter of <c>linearValue</c>.</summary>
readonly record struct LinearValueLaunch(FormulaConstants Constants, Pointer H, Pointer Bias, Pointer Y, int Count, int Columns, int Keeps);
/// <summary>The parameter of <c>linearSlope</c>.</summary>
readonly record struct LinearSlopeLaunch(FormulaConstants Constants, Pointer Saved, Pointer Dy, Pointer Dh, Pointer Partial, int Rows, int Columns, int SliceRows);

public sealed unsafe partial class LinearActivation<F>
{
    const int Threads = 256, ThreadElements = 4;

    static readonly FormulaKernel<ValueFormula<F>, LinearValueLaunch> values = new(typeof(LinearOp), "LinearActivation", "linearValue", $"{typeof(F).Name}.value");
    static readonly FormulaKernel<SlopeFormula<F>, LinearSlopeLaunch> slopes = new(typeof(LinearOp), "LinearActivation", "linearSlope", $"{typeof(F).Name}.slope");
    static readonly Flat<SlopeFormula<F>> flatSlope = new(2, $"Linear{typeof(F).Name}.slope");

    struct ForwardCuda : ICudaKernel<ForwardArgs>
    {
        /// <summary>
        /// By a library that has the formula; else the product with the bias, then the formula in a pass over it. Where the bias is not in the product, that pass adds it and writes h anew, M N elements more.
        /// Without recording all goes the same way, so that y is the same.
        /// </summary>
        public static void Run<T>(CudaDevice device, in ForwardArgs a) where T : unmanaged
        {
            if (Gemm.Cuda.TryActivation<T, F>(device, a.Product, a.Y, a.Formula)) return;
            bool biased = Gemm.Cuda.TryRun<T>(device, a.Product);
            if (!biased) Gemm.Cuda.Run<T>(device, a.Product with { Bias = default });
            int count = a.Product.M * a.Product.N;
            CudaFunction<LinearValueLaunch> function = values.For<T>(new(a.Formula), out FormulaConstants constants);
            device.Launch(function, Workers.Blocks(count, Threads * ThreadElements), Threads,
                new(constants, a.Product.C, biased ? default : a.Product.Bias, a.Y, count, a.Product.N, biased || a.Y.Address == a.Product.C.Address ? 0 : 1));
        }
    }

    struct SlopeCuda : ICudaKernel<SlopeArgs>
    {
        public static void Run<T>(CudaDevice device, in SlopeArgs a) where T : unmanaged
        {
            if (a.DBias.IsNull)
            {
                flatSlope.Run<T>(device, new(a.Formula), a.Dh, a.Rows * a.C, a.Saved, a.Dy);
                return;
            }
            RowSlices slices = new(a.Rows, a.C);
            using Scratch scratch = device.Scratch((long)slices.Count * a.C * sizeof(float));
            Pointer partial = Pointer.At(scratch.As<float>());
            CudaFunction<LinearSlopeLaunch> function = slopes.For<T>(new(a.Formula), out FormulaConstants constants);
            device.Launch(function, slices.Grid, RowSlices.Block, new(constants, a.Saved, a.Dy, a.Dh, partial, a.Rows, a.C, slices.Rows));
            Fold<Sum.Plus>.Merge<T>(device, partial, slices.Count, a.C, a.DBias);
        }
    }
}
