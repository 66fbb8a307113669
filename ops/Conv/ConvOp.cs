namespace MiniTorch.Ops;

/// <summary>
/// Convolution in one to three dimensions, channels last: y[n, o…, c] = Σ x[n, o… · stride − padding + k… · dilation, i] · weight[k…, i, c] (+ bias[c]) over the
/// kernel k and the input channels i of c's group. Depthwise convolutions (one input channel a group, also the only one) go to <see cref="DepthwiseConv"/>.
/// </summary>
public sealed class ConvOp : Op
{
    readonly Input x, weight, bias;
    readonly Saved? savedX, savedWeight;
    readonly Windows windows;
    readonly int groups;

    ConvOp(Tensor x, Tensor weight, Tensor? bias, Windows windows, int groups) : base(x, weight, bias)
    {
        (this.x, this.weight, this.bias, this.windows, this.groups) = (x, weight, bias, windows, groups);
        savedX = SaveOptional(weight.Tracked ? x : null);
        savedWeight = SaveOptional(x.Tracked ? weight : null);
    }

    /// <summary>
    /// x [n, *spatial, in], weight [*kernel, in / groups, out], bias [out]: [n, *spatial, out]. Stride, padding and dilation: one value per axis, one for all, or
    /// none for 1, 0 and 1.
    /// </summary>
    public static Tensor Of(Tensor x, Tensor weight, Tensor? bias = null, ReadOnlySpan<int> stride = default, ReadOnlySpan<int> padding = default,
        ReadOnlySpan<int> dilation = default, int groups = 1)
    {
        Expect.Real(x);
        Expect.Alike(x, weight);
        Expect.That(weight.Shape.Rank == x.Shape.Rank && weight.Shape.Rank >= 3, $"weight must be [*kernel, in / groups, out] of the rank of x {x.Shape}", weight);
        Windows windows = Windows.Over(x, weight.Shape.Dims[..^2], stride, padding, dilation);
        int inputs = x.Shape[^1], outputs = weight.Shape[^1];
        Expect.That(groups >= 1 && inputs % groups == 0 && outputs % groups == 0, $"the {inputs} inputs and {outputs} outputs must divide into {groups} groups", x);
        Expect.That(weight.Shape[^2] == inputs / groups, $"weight must have {inputs / groups} inputs per group: [*kernel, {inputs / groups}, {outputs}]", weight);
        if (bias is not null)
        {
            Expect.Shape(bias, [outputs]);
            Expect.Alike(x, bias);
        }
        if (groups == inputs && (groups > 1 || outputs == 1 && IsPlain(windows))) return DepthwiseConv.Of(x, weight, bias, windows);
        Tensor y = Tensor.Like(x, windows.Result(x.Shape, outputs));
        ConvKernels.Forward.Launch(x.Device, x.DType, new(x, weight, y, bias, windows, outputs, groups));
        return Tape.Tracks(x, weight, bias) ? y.From(new ConvOp(x, weight, bias, windows, groups)) : y;
    }

    /// <summary>Stride and dilation 1 in the plane: then a single channel is faster as a depthwise convolution than as a product with one column.</summary>
    static bool IsPlain(Windows windows)
        => windows.D.IsPoint && windows.H is { Stride: 1, Dilation: 1 } && windows.W is { Stride: 1, Dilation: 1 } && windows.H.Padding < windows.H.Kernel && windows.W.Padding < windows.W.Kernel;

    /// <inheritdoc/>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y) => windows.Write(graph, "Conv", operands, y, groups);

    /// <summary>dx by the transposed convolution, dweight by the correlation of x with dy, dbias by the column sums of dy.</summary>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        int outputs = dy.Shape[^1];
        if (gradients.Wants(x))
        {
            Tensor dx = Tensor.Like(dy, x.Shape);
            ConvKernels.InputGradient.Launch(dy.Device, dy.DType, new(dx, savedWeight, dy, default, windows, outputs, groups));
            gradients.Add(x, dx);
        }
        if (gradients.Wants(weight))
        {
            Tensor dw = Tensor.Like(dy, weight.Shape);
            ConvKernels.WeightGradient.Launch(dy.Device, dy.DType, new(savedX, dw, dy, default, windows, outputs, groups));
            gradients.Add(weight, dw);
        }
        if (gradients.Wants(bias)) gradients.Add(bias, Sum.To(bias.Shape, dy));
    }
}

/// <summary>x.Conv(weight, …).</summary>
public static class ConvExtension
{
    extension(Tensor x)
    {
        /// <summary>Convolution of x [n, *spatial, in] with weight [*kernel, in / groups, out]; one value per axis, one for all, or none for 1, 0 and 1.</summary>
        public Tensor Conv(Tensor weight, Tensor? bias = null, ReadOnlySpan<int> stride = default, ReadOnlySpan<int> padding = default,
            ReadOnlySpan<int> dilation = default, int groups = 1) => ConvOp.Of(x, weight, bias, stride, padding, dilation, groups);
    }
}
