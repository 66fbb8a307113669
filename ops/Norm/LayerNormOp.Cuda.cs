using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class LayerNormOp
{
    const int WarpSize = 32, BlockRows = 8;
    const int LeastSliceRows = 32, MostSliceRows = 256, WantedSlices = 528;     // four for each multiprocessor of a large GPU
    const int SumsApart = 3;                    // which of the kernels for fours leaves out the sums
    const int LaneColumns = 4 * WarpSize;       // of a warp that reads four at a time

    readonly record struct ForwardLaunch(Pointer X, Pointer Gamma, Pointer Beta, Pointer Statistics, Pointer Y, int Rows, int C, float Epsilon);
    readonly record struct BackwardLaunch(Pointer X, Pointer Gamma, Pointer Dy, Pointer Statistics, Pointer Dx, Pointer Partial, int Rows, int C, int SliceRows);

    static readonly CudaModule module = new(typeof(LayerNormOp), "LayerNorm");
    static readonly TypedFunction<ForwardLaunch> forwardRows = module.Typed<ForwardLaunch>("layerNormForward");
    static readonly TypedFunction<BackwardLaunch> inputRows = module.Typed<BackwardLaunch>("layerNormInput"), parameterSlices = module.Typed<BackwardLaunch>("layerNormParameters");

    /// <summary>For rows of whole fours: 1, 2, 4 or 8 for each lane.</summary>
    static readonly TypedFunction<ForwardLaunch>[] forwardFours = Array.ConvertAll([1, 2, 4, 8], static n => module.Typed<ForwardLaunch>($"layerNormForward{n}"));
    static readonly TypedFunction<BackwardLaunch>[] backwardFours = Array.ConvertAll([1, 2, 4, 8], static n => module.Typed<BackwardLaunch>($"layerNormBackward{n}"));

    struct ForwardCuda : ICudaKernel<ForwardArgs>
    {
        public static void Run<T>(CudaDevice device, in ForwardArgs a) where T : unmanaged
        {
            int fours = Fours<T>(a.C, a.X.Address | a.Y.Address | a.Gamma.Address | a.Beta.Address);
            device.Launch((fours < 0 ? forwardRows : forwardFours[fours]).For<T>(), Workers.Blocks(a.Rows, BlockRows), new(WarpSize, BlockRows), new(a.X, a.Gamma, a.Beta, a.Statistics, a.Y, a.Rows, a.C, (float)a.Epsilon));
        }
    }

    struct BackwardCuda : ICudaKernel<BackwardArgs>
    {
        /// <summary>One pass over x and dy, for rows of at most four fours a lane; two for others.</summary>
        public static void Run<T>(CudaDevice device, in BackwardArgs a) where T : unmanaged
        {
            int sliceRows = Math.Clamp(Workers.Blocks(Workers.Blocks(a.Rows, WantedSlices), BlockRows) * BlockRows, LeastSliceRows, MostSliceRows), slices = Workers.Blocks(a.Rows, sliceRows);
            using Scratch scratch = device.Scratch(a.Parameters ? 2L * slices * a.C * sizeof(float) : 0);
            Pointer partial = a.Parameters ? Pointer.At(scratch.As<float>()) : default;
            BackwardLaunch launch = new(a.X, a.Gamma, a.Dy, a.Statistics, a.Dx, partial, a.Rows, a.C, sliceRows);
            int fours = Fours<T>(a.C, a.X.Address | a.Dy.Address | a.Dx.Address | a.Gamma.Address);
            device.Launch((fours < 0 ? inputRows : backwardFours[fours]).For<T>(), fours < 0 ? Workers.Blocks(a.Rows, BlockRows) : slices, new(WarpSize, BlockRows), launch);
            if (!a.Parameters) return;
            if (fours is < 0 or SumsApart) device.Launch(parameterSlices.For<T>(), new(slices, Workers.Blocks(a.C, Partials.Columns)), Partials.Block, launch);
            Partials.Sum<T>(device, partial, slices, 2 * a.C, a.DParameters);
        }
    }

    /// <summary>Which kernel has the fewest registers that hold a row; −1 where none does, or fours are not aligned: then one that reads the row again.</summary>
    static int Fours<T>(int c, nint addresses) where T : unmanaged
        => addresses % (4 * sizeof(T)) != 0 || c % 4 != 0 || c > 8 * LaneColumns ? -1 : c <= LaneColumns ? 0 : c <= 2 * LaneColumns ? 1 : c <= 4 * LaneColumns ? 2 : 3;
}
