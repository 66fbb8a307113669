using MiniTorch.Cuda;

namespace MiniTorch.Ops;

/// <summary>
/// Depthwise convolution of bf16 on tensor cores, with it the input gradient, and the weight gradient: launches of DepthwiseMatrix.cu and DepthwiseMatrixWeight.cu. They take
/// wide kernels on maps whose size stays and that fit into shared memory; which of them is launched is a fixed table of shapes.
/// Rows of a channel's kernel without a weight, as DCLS draws where it has no tap, cost nothing in the first two; what is not finite in x passes on through rows that have one.
/// </summary>
static unsafe class DepthwiseMatrix
{
    const int Lines = 16, Warp = 32, Tile = 16, Halo = 8, Frame = 17, LineWords = 610;
    const int Narrowest = 9;                    // of kernels; below, products with the zeros of the frame cost more than they spare
    const int Blocks = 264;                     // two for each multiprocessor of a large GPU

    readonly record struct Launch(Pointer X, Pointer Weight, Pointer Y, Pointer Bias, int Batch, int Channels, int Height, int Width, int KernelHeight, int KernelWidth, int Top, int Left,
        int Reversed, int Tiles, int Pitch, int Span);

    /// <summary>
    /// Largest map; rows of one and its number in shared memory; images at a time; whether rows have zeros beside them. Of the weight gradient: rows of the kernel that a block sums, its
    /// maps of x and their rows, and those of dy.
    /// </summary>
    readonly record struct Form(CudaFunction<Launch> Forward, CudaFunction<Launch> Weight, int Height, int Width, int Rows, int Maps, int Images, bool IsWide, int KernelRows, int RowsX, int RowsY)
    {
        internal int Tiles(Axis w) => IsWide ? Workers.Blocks(w.In, Tile) : 1;

        /// <summary>Elements of a row: an odd number of eights, so that rows begin in other banks.</summary>
        internal int Pitch(Axis w, int narrow) => IsWide ? (2 * Tiles(w) + 3) * 8 : narrow;
    }

    static readonly CudaModule module = new(typeof(DepthwiseMatrix), "DepthwiseMatrix");
    static readonly CudaModule weightModule = new(typeof(DepthwiseMatrix), "DepthwiseMatrixWeight");
    static readonly CudaFunction<Launch> pairs = module.Function<Launch>("depthwiseMatrixPairs"), narrow = module.Function<Launch>("depthwiseMatrixNarrow");
    static readonly CudaFunction<Launch> wide4 = module.Function<Launch>("depthwiseMatrixWide4"), wide7 = module.Function<Launch>("depthwiseMatrixWide7");
    static readonly CudaFunction<Launch> weightPairs = weightModule.Function<Launch>("depthwiseMatrixWeightPairs"), weightNarrow = weightModule.Function<Launch>("depthwiseMatrixWeightNarrow");
    static readonly CudaFunction<Launch> weightWide = weightModule.Function<Launch>("depthwiseMatrixWeightWide");
    static readonly Form[] forms =
    [
        new(pairs, weightPairs, 8, 8, 8, 4, 8, false, Frame, 16, 8), new(narrow, weightNarrow, 16, 16, 16, 4, 4, false, 9, 24, 16),
        new(wide4, weightWide, 32, int.MaxValue, 32, 1, 1, true, 6, 21, 16), new(wide7, weightWide, 56, int.MaxValue, 56, 1, 1, true, 6, 21, 16),
    ];

    /// <summary>True if it was queued.</summary>
    internal static bool Forward(CudaDevice device, in DepthwiseArgs args)
    {
        if (Choose(args) is not { } form) return false;
        Axis w = args.Windows.W;
        int row = form.Pitch(w, 24) / 2, bytes = sizeof(float) * (form.Maps * Lines * (form.Rows + Halo) * row + Halo * row + Lines * LineWords);
        if (bytes > device.Properties.SharedPerBlockAtMost) return false;
        Launch launch = Cut(args, form, 2 * row, 1) with { Reversed = args.Reversed ? 1 : 0 };
        device.Launch(form.Forward, Grid(launch), new(Warp, Lines), launch, bytes);
        return true;
    }

    /// <summary>True if it was queued.</summary>
    internal static bool WeightGradient(CudaDevice device, in DepthwiseArgs args)
    {
        if (Choose(args) is not { } form) return false;
        int pitch = form.Pitch(args.Windows.W, form.Height == 8 ? 8 : 24), rowY = (form.IsWide ? pitch - Tile : pitch) / 2, rowGroups = Workers.Blocks(Frame, form.KernelRows);
        int bytes = sizeof(float) * (form.Images * Lines * (form.RowsX * pitch / 2 + form.RowsY * rowY) + Halo * pitch / 2);
        if (bytes > device.Properties.SharedPerBlockAtMost) return false;
        Launch launch = Cut(args, form, pitch, rowGroups);
        int parts = Workers.Blocks(launch.Batch, launch.Span), width = args.Windows.Taps * launch.Channels;
        using Scratch scratch = device.Scratch((long)parts * width * sizeof(float));
        Pointer partial = Pointer.At(scratch.As<float>());
        device.Launch(form.Weight, rowGroups * Grid(launch), new(Warp, Lines), launch with { Weight = partial }, bytes);
        DepthwiseForms.SumParts<BFloat16>(device, args, partial, parts, 0, width);
        return true;
    }

    /// <summary>Eight channels are read at once.</summary>
    internal static bool IsAligned(in DepthwiseArgs args) => (args.X.Address | args.Y.Address) % (8 * sizeof(ushort)) == 0;

    /// <summary>The form of the smallest maps that hold these; null where none takes the shapes.</summary>
    static Form? Choose(in DepthwiseArgs args)
    {
        (Windows windows, Axis h, Axis w) = (args.Windows, args.Windows.H, args.Windows.W);
        if (!args.IsPlain || !Fits(h) || !Fits(w) || Math.Max(h.Kernel, w.Kernel) < Narrowest || windows.Channels % Lines != 0 || windows.Batch == 0 || !IsAligned(args)) return null;
        foreach (Form form in forms) if (h.In <= form.Height && w.In <= form.Width) return form;
        return null;
    }

    /// <summary>Images are shared out to as many blocks as keep a GPU busy, each of which has some for every group of channels and of kernel rows.</summary>
    static Launch Cut(in DepthwiseArgs args, in Form form, int pitch, int rowGroups)
    {
        (Windows windows, Axis h, Axis w) = (args.Windows, args.Windows.H, args.Windows.W);
        int rounds = Workers.Blocks(windows.Batch, form.Images), parts = Math.Clamp(Blocks / (windows.Channels / Lines * rowGroups), 1, rounds);
        return new(args.X, args.Weight, args.Y, args.Bias, windows.Batch, windows.Channels, h.In, w.In, h.Kernel, w.Kernel, h.Padding, w.Padding, 0, form.Tiles(w), pitch,
            Workers.Blocks(rounds, parts) * form.Images);
    }

    static int Grid(in Launch launch) => launch.Channels / Lines * Workers.Blocks(launch.Batch, launch.Span);

    /// <summary>As many outputs as inputs, and the kernel lies in a frame of 17 around its centre.</summary>
    static bool Fits(Axis a) => a.In == a.Out && a.Kernel <= Frame && a.Padding <= Halo && a.Kernel - a.Padding <= Halo + 1;
}
