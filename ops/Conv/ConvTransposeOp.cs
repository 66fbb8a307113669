namespace MiniTorch.Ops;

/// <summary>
/// Transposed convolution in one to three dimensions, channels last: y[n, i… · stride − padding + k… · dilation, o] += x[n, i…, c] · weight[k…, o, c] over the
/// pixels i, the kernel k and the channels c of o's group, from bias[o] or 0. It is the adjoint of the convolution from y to x with the same weight, so that one's
/// kernels do the work: its input gradient is y, its value on dy is dx, and its weight gradient with dy for x and x for dy is dweight.
/// </summary>
public sealed class ConvTransposeOp : Op
{
    readonly Input x, weight, bias;
    readonly Saved? savedX, savedWeight;
    readonly Windows windows;
    readonly int groups;

    ConvTransposeOp(Tensor x, Tensor weight, Tensor? bias, Windows windows, int groups) : base(x, weight, bias)
    {
        (this.x, this.weight, this.bias, this.windows, this.groups) = (x, weight, bias, windows, groups);
        savedX = SaveOptional(weight.Tracked ? x : null);
        savedWeight = SaveOptional(x.Tracked ? weight : null);
    }

    /// <summary>
    /// x [n, *spatial, in], weight [*kernel, out / groups, in], bias [out]: [n, *spatial, out] with
    /// (size − 1) · stride − 2 · padding + dilation · (kernel − 1) + outputPadding + 1 for each spatial size. Stride, padding, outputPadding and dilation: one value
    /// per axis, one for all, or none for 1, 0, 0 and 1. What the kernel does not reach is the bias.
    /// </summary>
    /// <exception cref="TensorException">
    /// Shapes, dtypes or devices do not fit, the channels do not divide into the groups, an outputPadding is not smaller than stride or dilation of its axis, or a
    /// result would be empty.
    /// </exception>
    public static Tensor Of(Tensor x, Tensor weight, Tensor? bias = null, ReadOnlySpan<int> stride = default, ReadOnlySpan<int> padding = default,
        ReadOnlySpan<int> outputPadding = default, ReadOnlySpan<int> dilation = default, int groups = 1)
    {
        Expect.Real(x);
        Expect.Alike(x, weight);
        Expect.That(weight.Shape.Rank == x.Shape.Rank && weight.Shape.Rank >= 3, $"weight must be [*kernel, out / groups, in] of the rank of x {x.Shape}", weight);
        int inputs = x.Shape[^1];
        Expect.That(groups >= 1 && inputs >= 1 && inputs % groups == 0, $"the {inputs} inputs must divide into {groups} groups", x);
        Expect.That(weight.Shape[^1] == inputs, $"weight must have the {inputs} inputs of x last: [*kernel, out / {groups}, {inputs}]", weight);
        int outputs = weight.Shape[^2] * groups;
        Windows windows = Windows.Under(x, outputs, weight.Shape.Dims[..^2], stride, padding, outputPadding, dilation);
        if (bias is not null)
        {
            Expect.Shape(bias, [outputs]);
            Expect.Alike(x, bias);
        }
        Tensor y = Tensor.Like(x, windows.Source(x.Shape));
        if (IsDepthwise(windows, groups)) new DepthwiseArgs(y, weight, x, bias, windows, inputs / groups).InputGradient(y);
        else ConvKernels.InputGradient.Launch(x.Device, x.DType, new(y, weight, x, bias, windows, inputs, groups));
        return Tape.Tracks(x, weight, bias) ? y.From(new ConvTransposeOp(x, weight, bias, windows, groups)) : y;
    }

    /// <summary>dx by the convolution of dy, dweight by the correlation of dy with x, dbias by the column sums of dy.</summary>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        int inputs = weight.Shape[^1];
        bool depthwise = IsDepthwise(windows, groups);
        if (gradients.Wants(x))
        {
            Tensor dx = Tensor.Like(dy, x.Shape);
            if (depthwise) new DepthwiseArgs(dy, savedWeight, dx, default, windows, inputs / groups).Forward(dx);
            else ConvKernels.Forward.Launch(dy.Device, dy.DType, new(dy, savedWeight, dx, default, windows, inputs, groups));
            gradients.Add(x, dx);
        }
        if (gradients.Wants(weight))
        {
            Tensor dw = Tensor.Like(dy, weight.Shape);
            if (depthwise) new DepthwiseArgs(dy, dw, savedX, default, windows, inputs / groups).WeightGradient(dw);
            else ConvKernels.WeightGradient.Launch(dy.Device, dy.DType, new(dy, dw, savedX, default, windows, inputs, groups));
            gradients.Add(weight, dw);
        }
        if (gradients.Wants(bias)) gradients.Add(bias, Sum.To(bias.Shape, dy));
    }

    /// <summary>One output a group: the adjoint of a depthwise convolution.</summary>
    static bool IsDepthwise(Windows windows, int groups) => groups == windows.Channels && groups > 1;
}

/// <summary>x.ConvTranspose(weight, …).</summary>
public static class ConvTransposeExtension
{
    extension(Tensor x)
    {
        /// <summary>
        /// Transposed convolution of x [n, *spatial, in] with weight [*kernel, out / groups, in], to [n, *spatial, out]; one value per axis, one for all, or none for
        /// 1, 0, 0 and 1.
        /// </summary>
        public Tensor ConvTranspose(Tensor weight, Tensor? bias = null, ReadOnlySpan<int> stride = default, ReadOnlySpan<int> padding = default,
            ReadOnlySpan<int> outputPadding = default, ReadOnlySpan<int> dilation = default, int groups = 1)
            => ConvTransposeOp.Of(x, weight, bias, stride, padding, outputPadding, dilation, groups);
    }
}
