using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class LayerNormOp
{
    const int WarpSize = 32, BlockRows = 8, SliceRows = 256;
    const int LaneColumns = 4 * WarpSize;       // of a warp that reads four at a time

    readonly record struct ForwardLaunch(Pointer X, Pointer Gamma, Pointer Beta, Pointer Statistics, Pointer Y, int Rows, int C, float Epsilon);
    readonly record struct InputLaunch(Pointer X, Pointer Gamma, Pointer Dy, Pointer Statistics, Pointer Dx, int Rows, int C);
    readonly record struct ParametersLaunch(Pointer X, Pointer Dy, Pointer Statistics, Pointer Partial, int Rows, int C, int SliceRows);

    static readonly CudaModule module = new(typeof(LayerNormOp), "LayerNorm");
    static readonly TypedFunction<ForwardLaunch> forwardRows = module.Typed<ForwardLaunch>("layerNormForward");
    static readonly TypedFunction<InputLaunch> inputRows = module.Typed<InputLaunch>("layerNormInput");
    static readonly TypedFunction<ParametersLaunch> parameterSlices = module.Typed<ParametersLaunch>("layerNormParameters");

    /// <summary>For rows of whole fours: 1, 2, 4 or 8 for each lane.</summary>
    static readonly TypedFunction<ForwardLaunch>[] forwardFours = Array.ConvertAll([1, 2, 4, 8], static n => module.Typed<ForwardLaunch>($"layerNormForward{n}"));
    static readonly TypedFunction<InputLaunch>[] inputFours = Array.ConvertAll([1, 2, 4, 8], static n => module.Typed<InputLaunch>($"layerNormInput{n}"));

    struct ForwardCuda : ICudaKernel<ForwardArgs>
    {
        public static void Run<T>(CudaDevice device, in ForwardArgs a) where T : unmanaged
            => device.Launch(For(a.C, (a.X.Address | a.Y.Address | a.Gamma.Address | a.Beta.Address) % (4 * sizeof(T)) == 0, forwardFours, forwardRows).For<T>(), Workers.Blocks(a.Rows, BlockRows), new(WarpSize, BlockRows),
                new(a.X, a.Gamma, a.Beta, a.Statistics, a.Y, a.Rows, a.C, (float)a.Epsilon));
    }

    struct BackwardCuda : ICudaKernel<BackwardArgs>
    {
        public static void Run<T>(CudaDevice device, in BackwardArgs a) where T : unmanaged
        {
            bool aligned = (a.X.Address | a.Dy.Address | a.Dx.Address | a.Gamma.Address) % (4 * sizeof(T)) == 0;
            device.Launch(For(a.C, aligned, inputFours, inputRows).For<T>(), Workers.Blocks(a.Rows, BlockRows), new(WarpSize, BlockRows), new(a.X, a.Gamma, a.Dy, a.Statistics, a.Dx, a.Rows, a.C));
            if (!a.Parameters) return;
            int slices = Workers.Blocks(a.Rows, SliceRows);
            using Scratch partial = device.Scratch(2L * slices * a.C * sizeof(float));
            Pointer parts = Pointer.At(partial.As<float>());
            device.Launch(parameterSlices.For<T>(), new(slices, Workers.Blocks(a.C, Partials.Columns)), Partials.Block, new(a.X, a.Dy, a.Statistics, parts, a.Rows, a.C, SliceRows));
            Partials.Sum<T>(device, parts, slices, 2 * a.C, a.DParameters);
        }
    }

    /// <summary>The kernel of the fewest registers that hold a row, or one that reads it again.</summary>
    static TypedFunction<TLaunch> For<TLaunch>(int c, bool aligned, TypedFunction<TLaunch>[] fours, TypedFunction<TLaunch> any) where TLaunch : unmanaged
        => !aligned || c % 4 != 0 || c > 8 * LaneColumns ? any : fours[c <= LaneColumns ? 0 : c <= 2 * LaneColumns ? 1 : c <= 4 * LaneColumns ? 2 : 3];
}
