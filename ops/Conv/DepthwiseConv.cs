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
        if (gradients.Wants(bias)) gradients.Add(bias, ColumnSums.Of(dy));
    }
}

/// <summary>Operands of a depthwise convolution or of one of its gradients; whichever is sought is written, and y or x starts from the bias of its channels.</summary>
readonly record struct DepthwiseArgs(Pointer X, Pointer Weight, Pointer Y, Pointer Bias, Windows Windows, int Multiplier) : ICost
{
    public Cost Cost(int size) => Windows.Cost(Outputs, Windows.Channels, size);

    /// <summary>The kernel is read from its end: the convolution that gives the input gradient.</summary>
    internal bool Reversed { get; private init; }

    internal int Outputs => Windows.Channels * Multiplier;

    /// <summary>Stride and dilation 1, one kernel per channel, at most two axes with more than a point: the case that networks spend their time in.</summary>
    bool IsPlain => Multiplier == 1 && Windows.D.IsPoint && Turns(Windows.H) && Turns(Windows.W);

    static bool Turns(Axis a) => a.Stride == 1 && a.Dilation == 1 && a.Padding < a.Kernel;

    /// <summary>Writes y.</summary>
    internal void Forward(Tensor y) => (IsPlain ? DepthwisePlain.Forward : DepthwiseGeneral.Forward).Launch(y.Device, y.DType, this);

    /// <summary>Writes x.</summary>
    internal void InputGradient(Tensor x)
    {
        if (IsPlain) DepthwisePlain.Forward.Launch(x.Device, x.DType, Turned());
        else DepthwiseGeneral.InputGradient.Launch(x.Device, x.DType, this);
    }

    /// <summary>Writes the weight.</summary>
    internal void WeightGradient(Tensor weight)
        => (IsPlain ? DepthwisePlain.WeightGradient : DepthwiseGeneral.WeightGradient).Launch(weight.Device, weight.DType, this);

    /// <summary>From dy to dx: the same convolution with the kernel turned round and the complementary padding.</summary>
    DepthwiseArgs Turned() => new(Y, Weight, X, Bias, Windows with { H = Turn(Windows.H), W = Turn(Windows.W) }, Multiplier) { Reversed = true };

    static Axis Turn(Axis a) => new(a.Out, a.In, a.Kernel, 1, a.Kernel - 1 - a.Padding, 1);
}
