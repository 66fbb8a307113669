using MiniTorch.Cuda;

namespace MiniTorch.Ops;

static unsafe partial class Partials
{
    /// <summary>Block of a kernel that sums over rows, a column a lane.</summary>
    internal static readonly Dim3 Block = new(Columns, 8);

    /// <summary>Columns of such a block.</summary>
    internal const int Columns = 32;

    readonly record struct SlicesLaunch(Pointer Partial, Pointer Sums, int Slices, int Width);

    static readonly CudaModule module = new(typeof(Partials), "Partials");
    static readonly TypedFunction<SlicesLaunch> sum = module.Typed<SlicesLaunch>("partialsSum");

    /// <summary>sums[i] = Σ partial[slice, i] over the slices, i below width, rounded to T; queued.</summary>
    internal static void Sum<T>(CudaDevice device, Pointer partial, int slices, int width, Pointer sums) where T : unmanaged
        => device.Launch(sum.For<T>(), Workers.Blocks(width, Columns), Block, new(partial, sums, slices, width));
}
