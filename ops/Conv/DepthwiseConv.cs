namespace MiniTorch.Ops;

/// <summary>
/// Convolution of each channel with its own kernels: y[n, o…, c] = Σₖ x[n, o… · stride − padding + k… · dilation, c / m] · weight[k…, 0, c] (+ bias[c]), where
/// m = out / in kernels belong to each input channel. Direct, with a channel in each lane of a register.
/// </summary>
public sealed class DepthwiseConv : Op
{
    readonly Input x, weight, bias;
    readonly Saved? savedX, savedWeight;
    readonly Windows windows;

    DepthwiseConv(Tensor x, Tensor weight, Tensor? bias, Windows windows) : base(x, weight, bias)
    {
        (this.x, this.weight, this.bias, this.windows) = (x, weight, bias, windows);
        savedX = SaveOptional(weight.Tracked ? x : null);
        savedWeight = SaveOptional(x.Tracked ? weight : null);
    }

    /// <summary>
    /// x [n, *spatial, in], weight [*kernel, 1, out] with out a multiple of in, bias [out]: [n, *spatial, out]. Stride, padding and dilation: one value per axis,
    /// one for all, or none for 1, 0 and 1.
    /// </summary>
    public static Tensor Of(Tensor x, Tensor weight, Tensor? bias = null, ReadOnlySpan<int> stride = default, ReadOnlySpan<int> padding = default,
        ReadOnlySpan<int> dilation = default)
    {
        Expect.Real(x);
        Expect.Alike(x, weight);
        Expect.That(weight.Shape.Rank == x.Shape.Rank && weight.Shape.Rank >= 3 && weight.Shape[^2] == 1, $"weight must be [*kernel, 1, out] of the rank of x {x.Shape}", weight);
        Windows windows = Windows.Over(x, weight.Shape.Dims[..^2], stride, padding, dilation);
        Expect.That(x.Shape[^1] > 0 && weight.Shape[^1] % x.Shape[^1] == 0, $"the outputs must be a multiple of the {x.Shape[^1]} channels of x", weight);
        if (bias is not null)
        {
            Expect.Shape(bias, [weight.Shape[^1]]);
            Expect.Alike(x, bias);
        }
        return Of(x, weight, bias, windows);
    }

    internal static Tensor Of(Tensor x, Tensor weight, Tensor? bias, Windows windows)
    {
        int outputs = weight.Shape[^1];
        Tensor y = Tensor.Like(x, windows.Result(x.Shape, outputs));
        new DepthwiseArgs(x, weight, y, bias, windows, outputs / windows.Channels).Forward(y);
        return Tape.Tracks(x, weight, bias) ? y.From(new DepthwiseConv(x, weight, bias, windows)) : y;
    }

    /// <inheritdoc/>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y) => windows.Write(graph, "Conv", operands, y, windows.Channels);

    /// <summary>dx by the kernel turned round, dweight by the correlation of x with dy, dbias by the column sums of dy.</summary>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        int multiplier = dy.Shape[^1] / windows.Channels;
        if (gradients.Wants(x))
        {
            Tensor dx = Tensor.Like(dy, x.Shape);
            new DepthwiseArgs(dx, savedWeight, dy, default, windows, multiplier).InputGradient(dx);
            gradients.Add(x, dx);
        }
        if (gradients.Wants(weight))
        {
            Tensor dw = Tensor.Like(dy, weight.Shape);
            new DepthwiseArgs(savedX, dw, dy, default, windows, multiplier).WeightGradient(dw);
            gradients.Add(weight, dw);
        }
        if (gradients.Wants(bias)) gradients.Add(bias, Sum.To(bias.Shape, dy));
    }
}
