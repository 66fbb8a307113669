using MiniTorch.Cuda;

namespace MiniTorch.Ops;

/// <summary>
/// Dense convolution on a GPU without a library for it, or of a kind that the library does not serve: products of matrices whose tiles are gathered into shared
/// memory. The input gradient is a convolution of dy for each place of x within a stride: there the same taps meet every input.
/// </summary>
static unsafe class ConvProducts
{
    const int Threads = 256, TileRows = 128, TileColumns = 64, TileDepth = 16;
    const int Items = 512;                      // blocks that keep a GPU busy
    const int SliceResults = 256;               // least number of results in a slice
    const int LargestPartial = 1 << 24;         // elements of all slices together

    /// <summary>
    /// Tap t of result q reads source q · Stride + Shift + t · Hop, is tap TapStart + t · TapStep of Kernel in the weight, and q becomes Place + q · PlaceStep of Places.
    /// </summary>
    readonly record struct LineLaunch(int Source, int Results, int Taps, int Stride, int Shift, int Hop, int TapStart, int TapStep, int Kernel, int Place, int PlaceStep, int Places);

    readonly record struct GatherLaunch(Pointer From, Pointer Weight, Pointer To, Pointer Bias, int Batch, int Groups, int Inputs, int Outputs, int WeightInputs, int WeightOutputs, int Aligned,
        LineLaunch D, LineLaunch H, LineLaunch W);

    readonly record struct CorrelateLaunch(Pointer X, Pointer Dy, Pointer Sums, int Batch, int Groups, int Inputs, int Outputs, int Slices, int SliceResults, int Aligned,
        LineLaunch D, LineLaunch H, LineLaunch W);

    static readonly CudaModule module = new(typeof(ConvProducts), "ConvProducts");
    static readonly TypedFunction<GatherLaunch> gather = module.Typed<GatherLaunch>("convGather");
    static readonly TypedFunction<GatherLaunch> gatherTransposed = module.Typed<GatherLaunch>("convGatherTransposed");
    static readonly TypedFunction<CorrelateLaunch> correlate = module.Typed<CorrelateLaunch>("convCorrelate");

    /// <summary>Queues the value or a gradient; bias included.</summary>
    internal static void Convolve<T>(CudaDevice device, Sought sought, in ConvArgs args) where T : unmanaged
    {
        if (sought == Sought.Y) Forward<T>(device, args);
        else if (sought == Sought.X) InputGradient<T>(device, args);
        else WeightGradient<T>(device, args);
    }

    static void Forward<T>(CudaDevice device, in ConvArgs a) where T : unmanaged
        => Gather(device, gather.For<T>(), new(a.X, a.Weight, a.Y, a.Bias, a.Windows.Batch, a.Groups, a.GroupInputs, a.GroupOutputs, a.GroupInputs, a.Outputs, Aligned<T>(a.Y, a.GroupOutputs),
            Whole(a.Windows.D), Whole(a.Windows.H), Whole(a.Windows.W)));

    static void InputGradient<T>(CudaDevice device, in ConvArgs a) where T : unmanaged
    {
        Windows w = a.Windows;
        for (int z = 0; z < Math.Min(w.D.Stride, w.D.In); z++)
            for (int y = 0; y < Math.Min(w.H.Stride, w.H.In); y++)
                for (int x = 0; x < Math.Min(w.W.Stride, w.W.In); x++)
                    Gather(device, gatherTransposed.For<T>(), new(a.Y, a.Weight, a.X, a.Bias, w.Batch, a.Groups, a.GroupOutputs, a.GroupInputs, a.GroupInputs, a.Outputs, Aligned<T>(a.X, a.GroupInputs),
                        Backward(w.D, z), Backward(w.H, y), Backward(w.W, x)));
    }

    static void Gather(CudaDevice device, CudaFunction<GatherLaunch> function, in GatherLaunch launch)
    {
        int results = launch.Batch * launch.D.Results * launch.H.Results * launch.W.Results;
        device.Launch(function, new(Workers.Blocks(results, TileRows) * launch.Groups, Workers.Blocks(launch.Outputs, TileColumns)), Threads, launch);
    }

    static void WeightGradient<T>(CudaDevice device, in ConvArgs a) where T : unmanaged
    {
        Windows w = a.Windows;
        int results = w.Batch * w.Outputs, size = a.PatchSize * a.Outputs, tiles = Workers.Blocks(a.PatchSize, TileRows) * a.Groups, columns = Workers.Blocks(a.GroupOutputs, TileColumns);
        int wanted = Math.Min(Items / Math.Max(1, tiles * columns), LargestPartial / Math.Max(1, size)), most = Math.Max(1, Math.Min(wanted, results / SliceResults));
        int sliceResults = Math.Max(TileDepth, Workers.Blocks(Workers.Blocks(results, most), TileDepth) * TileDepth), slices = Math.Max(1, Workers.Blocks(results, sliceResults));
        bool apart = slices > 1 || typeof(T) != typeof(float);          // sums are float32
        using Scratch scratch = device.Scratch(apart ? (long)slices * size * sizeof(float) : 0);
        Pointer sums = apart ? Pointer.At(scratch.As<float>()) : a.Weight;
        device.Launch(correlate.For<T>(), new(tiles * slices, columns), Threads, new(a.X, a.Y, sums, w.Batch, a.Groups, a.GroupInputs, a.GroupOutputs, slices, sliceResults, Aligned<float>(sums, a.GroupOutputs),
            Whole(w.D), Whole(w.H), Whole(w.W)));
        if (apart) Partials.Sum<T>(device, sums, slices, size, a.Weight);
    }

    /// <summary>All outputs of an axis.</summary>
    static LineLaunch Whole(Axis a) => new(a.In, a.Out, a.Kernel, a.Stride, -a.Padding, a.Dilation, 0, 1, a.Kernel, 0, 1, a.Out);

    /// <summary>The inputs of an axis that lie at a place within the stride, from the outputs that see them: those of every some taps, if of any.</summary>
    static LineLaunch Backward(Axis a, int place)
    {
        int results = (a.In - place + a.Stride - 1) / a.Stride, step = 1, start = 0;
        while (step * a.Dilation % a.Stride != 0) step++;
        while (start < step && (place + a.Padding - start * a.Dilation) % a.Stride != 0) start++;
        int taps = start == step || start >= a.Kernel ? 0 : (a.Kernel - start + step - 1) / step;
        return new(a.Out, results, taps, 1, (place + a.Padding - start * a.Dilation) / a.Stride, -step * a.Dilation / a.Stride, start, step, a.Kernel, place, a.Stride, a.In);
    }

    /// <summary>Whether the rows of every group begin at a multiple of four elements.</summary>
    static int Aligned<T>(Pointer rows, int width) where T : unmanaged => width % 4 == 0 && rows.Address % (4 * sizeof(T)) == 0 ? 1 : 0;
}
