using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>Windows along one axis: output o sees inputs o · Stride − Padding + k · Dilation for k &lt; Kernel. Inputs may be left over at the end.</summary>
readonly record struct Axis(int In, int Out, int Kernel, int Stride, int Padding, int Dilation)
{
    /// <summary>The axis that shapes of lower rank do not have.</summary>
    internal static Axis None { get; } = new(1, 1, 1, 1, 0, 1);

    /// <summary>56 to 56 by 17, and what of stride, padding and dilation is not 1, 0 and 1.</summary>
    public override string ToString() => $"{In} to {Out} by {Kernel}{(Stride == 1 ? "" : $" stride {Stride}")}{(Padding == 0 ? "" : $" padding {Padding}")}{(Dilation == 1 ? "" : $" dilation {Dilation}")}";

    /// <summary>True if every output sees its own input only, and every input is seen.</summary>
    internal bool IsPoint => Kernel == 1 && Stride == 1 && Padding == 0 && In == Out;

    /// <summary>Input that tap 0 of an output sees; may lie outside.</summary>
    internal int First(int o) => o * Stride - Padding;

    /// <summary>Taps [begin, end) of an output that lie inside the input.</summary>
    internal (int Begin, int End) Taps(int o)
    {
        int first = First(o);
        int begin = first >= 0 ? 0 : (-first + Dilation - 1) / Dilation;
        int end = Math.Min(Kernel, In - first <= 0 ? 0 : (In - first + Dilation - 1) / Dilation);
        return (begin, Math.Max(begin, end));
    }

    /// <summary>Pairs of an output and a tap that meet inside the input.</summary>
    internal long Meetings
    {
        get
        {
            long met = 0;
            for (int o = 0; o < Out; o++)
            {
                (int begin, int end) = Taps(o);
                met += end - begin;
            }
            return met;
        }
    }

    /// <summary>Outputs [begin, end) that see any of the inputs [first, last).</summary>
    internal (int Begin, int End) Outputs(int first, int last)
    {
        int from = first + Padding - (Kernel - 1) * Dilation;
        int begin = from <= 0 ? 0 : (from + Stride - 1) / Stride;
        return (begin, Math.Max(begin, Math.Min(Out, (last - 1 + Padding) / Stride + 1)));
    }

    /// <summary>The output whose tap k sees input i, if there is one.</summary>
    internal bool Output(int i, int k, out int o)
    {
        int from = i + Padding - k * Dilation;
        o = from / Stride;
        return from >= 0 && o < Out && o * Stride == from;
    }
}

/// <summary>Sliding windows over [batch, d, h, w, channels]; shapes of rank 1 and 2 have d (and h) of size 1.</summary>
readonly record struct Windows(int Batch, int Channels, Axis D, Axis H, Axis W)
{
    /// <summary>Everything, in words.</summary>
    public override string ToString() => $"batch {Batch}, {Channels} channels, {(D.IsPoint && D.In == 1 ? "" : $"{D}, ")}{H}, {W}";

    /// <summary>Elements under a window, per channel.</summary>
    internal int Taps => D.Kernel * H.Kernel * W.Kernel;

    /// <summary>Outputs of one image.</summary>
    internal int Outputs => D.Out * H.Out * W.Out;

    /// <summary>Inputs of one image.</summary>
    internal int Inputs => D.In * H.In * W.In;

    /// <summary>Pairs of an output and a tap that meet inside the inputs, in one channel of all images.</summary>
    internal double Meetings => (double)Batch * D.Meetings * H.Meetings * W.Meetings;

    /// <summary>
    /// The work of a convolution or of one of its gradients: a multiply-add for each meeting and pair of channels, two of x, weight and y read and the third written.
    /// </summary>
    internal Cost Cost(int outputs, int groups, int size)
    {
        double inputs = Channels / groups, elements = (double)Batch * (Inputs * (double)Channels + Outputs * (double)outputs) + Taps * inputs * outputs;
        string kernel = D.Kernel == 1 ? $"{H.Kernel}x{W.Kernel}" : $"{D.Kernel}x{H.Kernel}x{W.Kernel}", image = D.In == 1 ? $"{H.In}x{W.In}" : $"{D.In}x{H.In}x{W.In}";
        return new(2 * Meetings * inputs * outputs, size * elements, $"{Batch}x{image}x{Channels} k{kernel} to {outputs}");
    }

    /// <summary>A convolution or pooling of ONNX over these windows; the first operand is x, then the kernel and the bias of a convolution.</summary>
    internal string Write(OnnxGraph graph, string operation, ReadOnlySpan<Tensor?> operands, Tensor y, int groups = 0)
    {
        int rank = y.Shape.Rank, spatial = rank - 2;
        ReadOnlySpan<Axis> axes = ((ReadOnlySpan<Axis>)[D, H, W])[(3 - spatial)..];
        long[] kernel = new long[spatial], strides = new long[spatial], dilations = new long[spatial], pads = new long[2 * spatial];
        for (int i = 0; i < spatial; i++)
        {
            (kernel[i], strides[i], dilations[i]) = (axes[i].Kernel, axes[i].Stride, axes[i].Dilation);
            pads[i] = pads[spatial + i] = axes[i].Padding;
        }
        List<string> inputs = [graph.ChannelsFirst(graph.Name(operands[0]!), rank)];
        if (operands.Length > 1) inputs.Add(graph.Kernel(operands[1]!));
        if (operands.Length > 2 && operands[2] is { } bias) inputs.Add(graph.Name(bias));
        List<OnnxAttribute> attributes = [new("kernel_shape", Wholes: kernel), new("strides", Wholes: strides), new("pads", Wholes: pads), new("dilations", Wholes: dilations)];
        if (groups > 0) attributes.Add(new("group", groups));
        return graph.ChannelsLast(graph.Node(operation, [.. inputs], [.. attributes]), rank);
    }

    /// <summary>True if no window lies in the padding alone.</summary>
    internal bool PaddingIsSeen => 2 * D.Padding <= D.Kernel && 2 * H.Padding <= H.Kernel && 2 * W.Padding <= W.Kernel;

    /// <summary>
    /// Windows over x [n, *spatial, c]. Stride, padding and dilation have one value per axis, one for all, or none (1, 0, 1). A kernel larger than the padded
    /// input is an error.
    /// </summary>
    internal static Windows Over(Tensor x, ReadOnlySpan<int> kernel, ReadOnlySpan<int> stride, ReadOnlySpan<int> padding, ReadOnlySpan<int> dilation,
        [CallerFilePath] string file = "")
    {
        int rank = x.Shape.Rank - 2;
        Expect.That(rank is >= 1 and <= 3, "x must be [n, *spatial, c] with one to three spatial axes", x, file);
        Expect.That(kernel.Length == rank || kernel.Length == 1, $"the kernel has {kernel.Length} axes, x must have {kernel.Length} + 2 dimensions", x, file);
        Expect.That(Fits(stride, rank, 1) && Fits(padding, rank, 0) && Fits(dilation, rank, 1),
            $"stride, padding and dilation take one value or {rank}, at least 1, 0 and 1", x, file);
        Span<Axis> axes = [Axis.None, Axis.None, Axis.None];
        for (int i = 0; i < rank; i++)
        {
            (int size, int k, int s, int p, int d) = (x.Shape[i + 1], At(kernel, i, 1), At(stride, i, 1), At(padding, i, 0), At(dilation, i, 1));
            int room = size + 2 * p - d * (k - 1) - 1;
            Expect.That(k >= 1 && room >= 0, $"a kernel of {k} (dilation {d}) does not fit into axis {i} with padding {p}", x, file);
            axes[3 - rank + i] = new(size, room / s + 1, k, s, p, d);
        }
        return new(x.Shape[0], x.Shape[^1], axes[0], axes[1], axes[2]);
    }

    /// <summary>
    /// Windows whose outputs are y [n, *spatial, c], over inputs of the given channels: the size that padding and the last window ask for, and
    /// <paramref name="rest"/> more, which no window need reach. Stride, padding, rest and dilation have one value per axis, one for all, or none (1, 0, 0, 1).
    /// </summary>
    internal static Windows Under(Tensor y, int channels, ReadOnlySpan<int> kernel, ReadOnlySpan<int> stride, ReadOnlySpan<int> padding, ReadOnlySpan<int> rest,
        ReadOnlySpan<int> dilation, [CallerFilePath] string file = "")
    {
        int rank = y.Shape.Rank - 2;
        Expect.That(rank is >= 1 and <= 3, "x must be [n, *spatial, c] with one to three spatial axes", y, file);
        Expect.That(Fits(stride, rank, 1) && Fits(padding, rank, 0) && Fits(rest, rank, 0) && Fits(dilation, rank, 1),
            $"stride, padding, outputPadding and dilation take one value or {rank}, at least 1, 0, 0 and 1", y, file);
        Span<Axis> axes = [Axis.None, Axis.None, Axis.None];
        for (int i = 0; i < rank; i++)
        {
            (int size, int k, int s, int p, int r, int d) = (y.Shape[i + 1], kernel[i], At(stride, i, 1), At(padding, i, 0), At(rest, i, 0), At(dilation, i, 1));
            Expect.That(size >= 1 && k >= 1, $"axis {i} of x and of the kernel must have a size of at least 1, the kernel has {k}", y, file);
            Expect.That(r < Math.Max(s, d), $"outputPadding {r} of axis {i} must be smaller than its stride {s} or its dilation {d}", y, file);
            long whole = (size - 1L) * s - 2L * p + (long)d * (k - 1) + r + 1;
            Expect.That(whole is >= 1 and <= int.MaxValue, $"axis {i} of the result must have a size of at least 1 that fits into 32 bits, "
                + $"a kernel of {k} (stride {s}, dilation {d}) with padding {p} gives {whole}; use {(whole < 1 ? "less padding" : "a smaller stride")}", y, file);
            axes[3 - rank + i] = new((int)whole, size, k, s, p, d);
        }
        return new(y.Shape[0], channels, axes[0], axes[1], axes[2]);
    }

    /// <summary>[n, *spatial, channels] of the outputs, of the rank of x.</summary>
    internal Shape Result(Shape x, int channels) => Images(x.Rank, D.Out, H.Out, W.Out, channels);

    /// <summary>[n, *spatial, channels] of the inputs, of the rank of y.</summary>
    internal Shape Source(Shape y) => Images(y.Rank, D.In, H.In, W.In, Channels);

    Shape Images(int rank, int d, int h, int w, int channels)
    {
        ReadOnlySpan<int> all = [Batch, d, h, w, channels];
        return Shape.Create([all[0], .. all[(6 - rank)..]]);
    }

    static int At(ReadOnlySpan<int> values, int i, int otherwise) => values.Length == 0 ? otherwise : values.Length == 1 ? values[0] : values[i];

    static bool Fits(ReadOnlySpan<int> values, int rank, int least)
    {
        foreach (int v in values) if (v < least) return false;
        return values.Length <= 1 || values.Length == rank;
    }
}
