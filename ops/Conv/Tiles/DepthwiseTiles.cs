using MiniTorch.Cuda;

namespace MiniTorch.Ops;

/// <summary>
/// Depthwise convolution with stride and dilation 1 on a GPU: how maps are cut into the tiles of DepthwiseTile.h, and the launches. Kernels of an even width run as the next
/// odd one with a column of zeros. The choice follows from shapes alone, so that results do not depend on the GPU.
/// </summary>
/// <remarks>
/// Rows without a weight are not left out, as <see cref="DepthwiseMatrix"/> does, where a warp owns a channel: here it owns eight. Of 17 rows two are met by each bilinear tap, so that with n taps a row
/// is empty for all eight with probability (15/17)⁸ⁿ: 5 % for three taps, 10⁻⁷ for 16.
/// </remarks>
static unsafe class DepthwiseTiles
{
    const int Warp = 32, Lines = 8, GroupBits = 2, Warps = 7, NarrowWeightWarps = 17, Blocks = 1024;    // blocks: what a large GPU needs to be busy to the end
    const int Narrowest = 3, Widest = 31;

    static readonly (int Pixels, bool Narrow)[] runs = [(28, false), (16, false), (14, true), (7, true)];

    readonly record struct Launch(Pointer X, Pointer Weight, Pointer Y, Pointer Bias, int Batch, int Channels, int HeightIn, int WidthIn, int HeightOut, int WidthOut,
        int KernelHeight, int KernelWidth, int Top, int Left, int Reversed, int AcrossBits, int BelowBits, int WarpRows, int TilesAcross, int TilesDown, int Items, int Span,
        int TileRows, int TileImages, int Rows, int Pitch, int Plane, int PitchY, int PlaneY, int FirstRow, int KernelRows, int RowBlocks, int Brain);

    static readonly CudaModule[] modules = Each(static (k, _) => new CudaModule(typeof(DepthwiseTiles), $"Depthwise{k}"), 1);
    static readonly CudaFunction<Launch>[] forward = Each(static (k, run) => modules[Index(k)].Function<Launch>($"depthwise{k}Forward{runs[run].Pixels}"), runs.Length);
    static readonly CudaFunction<Launch>[] weightGradient = Each(static (k, run) => modules[Index(k)].Function<Launch>($"depthwise{k}Weight{runs[run].Pixels}"), runs.Length);

    /// <summary>How a warp's four groups of lanes lie, and the run of pixels of each lane.</summary>
    readonly record struct Layout(int Run, int AcrossBits, int BelowBits)
    {
        internal int Pixels => runs[Run].Pixels;
        internal bool Narrow => runs[Run].Narrow;
        internal int Below => 1 << BelowBits;
        internal int BehindBits => GroupBits - AcrossBits - BelowBits;
    }

    /// <summary>True if a tile fits; else nothing was queued.</summary>
    internal static bool Forward<T>(CudaDevice device, in DepthwiseArgs args) where T : unmanaged
    {
        if (!Fits(args)) return false;
        (Axis h, int k) = (args.Windows.H, Width(args.Windows.W));
        Layout layout = Choose(args);
        int rowGroups = Workers.Blocks(h.Out, layout.Below), weights = h.Kernel * Lines * WeightPitch(k), bytes;
        Launch launch;
        for (int most = Warps; ; most--)
        {
            if (most == 0) return false;
            launch = Cut(args, layout, k, most, Warps) with { Weight = args.Weight, Y = args.Y, Bias = args.Bias, Reversed = args.Reversed ? 1 : 0, Brain = Brain<T>() };
            launch = launch with { Rows = Math.Min(launch.TileRows + h.Kernel - 1, h.In + 2 * (layout.Below - 1)) };
            launch = launch with { Plane = Plane(launch.TileImages * launch.Rows * launch.Pitch) };
            bytes = sizeof(float) * (weights + Lines * launch.Plane);
            if (bytes <= device.Properties.SharedPerBlockAtMost) break;
        }
        int lines = Workers.Blocks(launch.Channels, Lines), parts = Parts(launch.Items, lines);
        launch = launch with { Span = Workers.Blocks(launch.Items, parts) };
        int warps = launch.WarpRows * (launch.TileImages >> layout.BehindBits);
        device.Launch(forward[Index(k) * runs.Length + layout.Run], lines * Workers.Blocks(launch.Items, launch.Span), new(Warp, warps), launch, bytes);
        return true;
    }

    /// <summary>True if a tile fits; else nothing was queued.</summary>
    internal static bool WeightGradient<T>(CudaDevice device, in DepthwiseArgs args) where T : unmanaged
    {
        if (!Fits(args)) return false;
        (Axis h, int k) = (args.Windows.H, Width(args.Windows.W));
        Layout layout = Choose(args);
        int first = Math.Max(0, h.Padding - h.Out + 1), kernelRows = Math.Min(h.Kernel, h.In + h.Padding) - first;
        int rowBlocks = Workers.Blocks(kernelRows, layout.Narrow ? NarrowWeightWarps : Warps), warps = Workers.Blocks(kernelRows, rowBlocks), bytes;
        Launch launch;
        for (int most = Warps; ; most--)
        {
            if (most == 0) return false;
            launch = Cut(args, layout, k, most, most) with { Y = args.Y, FirstRow = first, KernelRows = kernelRows, RowBlocks = rowBlocks, Brain = Brain<T>() };
            launch = launch with { Rows = Math.Min(launch.TileRows + warps - 1, h.In + 2 * (layout.Below - 1)), PitchY = Quads(layout.Pixels << layout.AcrossBits) };
            launch = launch with { Plane = Plane(launch.TileImages * launch.Rows * launch.Pitch), PlaneY = Plane(launch.TileImages * launch.TileRows * launch.PitchY) };
            bytes = sizeof(float) * Lines * (launch.Plane + launch.PlaneY);
            if (bytes <= device.Properties.SharedPerBlockAtMost) break;
        }
        int lines = Workers.Blocks(launch.Channels, Lines), line = launch.KernelWidth * launch.Channels;
        int span = Workers.Blocks(launch.Items, Parts(launch.Items, lines * rowBlocks)), parts = Workers.Blocks(launch.Items, span);
        using Scratch scratch = device.Scratch((long)parts * kernelRows * line * sizeof(float));
        Pointer partial = Pointer.At(scratch.As<float>());
        device.Launch(weightGradient[Index(k) * runs.Length + layout.Run], parts * rowBlocks * lines, new(Warp, warps), launch with { Weight = partial, Span = span }, bytes);
        DepthwiseForms.SumParts<T>(device, args, partial, parts, first * line, kernelRows * line);
        return true;
    }

    static int Brain<T>() where T : unmanaged => typeof(T) == typeof(BFloat16) ? 1 : 0;

    static bool Fits(in DepthwiseArgs args) => args.IsPlain && args.Windows.W.Kernel <= Widest && args.Windows.Batch > 0;

    /// <summary>Parts of the tiles that occupy a GPU together with the blocks that each part has.</summary>
    static int Parts(int items, int blocks) => Math.Clamp(Blocks / blocks, 1, items);

    /// <summary>Tiles of at most so many warps below and behind each other.</summary>
    static Launch Cut(in DepthwiseArgs args, Layout layout, int k, int mostRows, int mostWarps)
    {
        (Windows windows, Axis h, Axis w) = (args.Windows, args.Windows.H, args.Windows.W);
        int rowGroups = Workers.Blocks(h.Out, layout.Below), across = Workers.Blocks(w.Out, layout.Pixels << layout.AcrossBits);
        int warpRows = Workers.Blocks(rowGroups, Workers.Blocks(rowGroups, mostRows)), images = Workers.Blocks(windows.Batch, 1 << layout.BehindBits);
        int tileImages = Math.Clamp(mostWarps / warpRows, 1, images) << layout.BehindBits, down = Workers.Blocks(rowGroups, warpRows);
        return new()
        {
            X = args.X, Batch = windows.Batch, Channels = windows.Channels, HeightIn = h.In, WidthIn = w.In, HeightOut = h.Out, WidthOut = w.Out,
            KernelHeight = h.Kernel, KernelWidth = w.Kernel, Top = h.Padding, Left = w.Padding, AcrossBits = layout.AcrossBits, BelowBits = layout.BelowBits, WarpRows = warpRows,
            TilesAcross = across, TilesDown = down, Items = across * down * Workers.Blocks(windows.Batch, tileImages), TileRows = warpRows << layout.BelowBits, TileImages = tileImages,
            Pitch = layout.Narrow ? Quads(layout.Pixels) : Quads((layout.Pixels << layout.AcrossBits) + k - 1),
        };
    }

    /// <summary>The layout that issues the fewest instructions.</summary>
    static Layout Choose(in DepthwiseArgs args)
    {
        const int RowCost = 30;         // of a staged row, and two for each of its columns
        (Windows windows, Axis h, Axis w, int k) = (args.Windows, args.Windows.H, args.Windows.W, Width(args.Windows.W));
        ReadOnlySpan<long> steps = [Steps(h, 1), Steps(h, 2), Steps(h, 4)];
        bool centred = w.Kernel == k && w.Padding == k / 2;
        Layout best = default;
        double least = double.PositiveInfinity;
        for (int run = 0; run < runs.Length; run++)
        {
            (int pixels, bool narrow) = runs[run];
            if (narrow && (!centred || w.In > pixels)) continue;
            for (int across = 0; across <= (narrow ? 0 : GroupBits); across++)
                for (int below = 0; below <= GroupBits - across; below++)
                {
                    Layout layout = new(run, across, below);
                    Launch tile = Cut(args, layout, k, Warps, Warps);
                    double convolving = (double)steps[below] * tile.TilesAcross * Workers.Blocks(windows.Batch, 1 << layout.BehindBits) * StepCost(k, pixels, narrow);
                    double staging = (double)tile.Items * tile.TileImages * Math.Min(tile.TileRows + h.Kernel - 1, h.In + 2 * (layout.Below - 1)) * (RowCost + 2 * tile.Pitch);
                    if (convolving + staging < least) (best, least) = (layout, convolving + staging);
                }
        }
        return best;
    }

    /// <summary>Instructions for a row of the kernel and of the map: products, reads of shared memory, and what moves on.</summary>
    static int StepCost(int k, int pixels, bool narrow)
    {
        const int Advance = 6;
        int products = k * pixels, reads = narrow ? pixels + k : pixels + 2 * k;
        if (narrow)
            for (int column = 0; column < k; column++) products -= Math.Min(pixels, Math.Abs(column - k / 2));
        return products + Workers.Blocks(reads, 4) + Advance;
    }

    /// <summary>Rows of the kernel that warps go through whose lanes have so many neighbouring rows of outputs, in one image: all that any of its rows meets.</summary>
    static long Steps(Axis h, int below)
    {
        long steps = 0;
        for (int row = 0; row < h.Out; row += below) steps += Math.Min(h.Kernel, h.In + h.Padding - row) - Math.Max(0, h.Padding - row - below + 1);
        return steps;
    }

    /// <summary>Width of the compiled kernel.</summary>
    static int Width(Axis w) => Math.Max(Narrowest, w.Kernel | 1);

    static int Index(int k) => (k - Narrowest) / 2;

    static int Quads(int words) => Workers.Blocks(words, 4) * 4;

    /// <summary>Words from one channel to the next: eight of them 4 banks apart.</summary>
    static int Plane(int words) => Workers.Blocks(words, Warp) * Warp + 4;

    static int WeightPitch(int k) => Quads(k) % 8 == 0 ? Quads(k) + 4 : Quads(k);

    static R[] Each<R>(Func<int, int, R> make, int each)
    {
        R[] all = new R[(Index(Widest) + 1) * each];
        for (int i = 0; i < all.Length; i++) all[i] = make(Narrowest + 2 * (i / each), i % each);
        return all;
    }
}
