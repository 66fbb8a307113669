namespace MiniTorch.Ops;

/// <summary>y = the average of x under each window, per channel. Padding counts as zeros in the average, unless it is excluded.</summary>
public sealed class AvgPool : Op
{
    readonly Input x;
    readonly BoxArgs boxes;

    AvgPool(Tensor x, BoxArgs boxes) : base(x) => (this.x, this.boxes) = (x, boxes);

    /// <summary>x [n, *spatial, c]; kernel, stride (default: the kernel) and padding with one value per axis or one for all.</summary>
    public static Tensor Of(Tensor x, ReadOnlySpan<int> kernel, ReadOnlySpan<int> stride = default, ReadOnlySpan<int> padding = default, bool countPadding = true)
    {
        Expect.Real(x);
        Windows windows = Windows.Over(x, kernel, stride.Length == 0 ? kernel : stride, padding, default);
        Expect.That(windows.PaddingIsSeen, "padding must be at most half the kernel", x);
        BoxArgs boxes = new(default, default, windows.Batch, windows.Channels, BoxAxis.Of(windows.D), BoxAxis.Of(windows.H), BoxAxis.Of(windows.W), countPadding ? windows.Taps : 0);
        Tensor y = Tensor.Like(x, windows.Result(x.Shape, windows.Channels));
        BoxAverage.Forward.Launch(x.Device, x.DType, boxes with { X = x, Y = y });
        return Tape.Tracks(x) ? y.From(new AvgPool(x, boxes)) : y;
    }

    /// <summary>Each input gets its share of dy from every window that holds it.</summary>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor dx = Tensor.Like(dy, x.Shape);
        BoxAverage.Backward.Launch(dy.Device, dy.DType, boxes with { X = dx, Y = dy });
        gradients.Add(x, dx);
    }
}

/// <summary>x.AvgPool(kernel, …).</summary>
public static class AvgPoolExtension
{
    extension(Tensor x)
    {
        /// <summary>Average pooling of x [n, *spatial, c]; stride defaults to the kernel.</summary>
        public Tensor AvgPool(ReadOnlySpan<int> kernel, ReadOnlySpan<int> stride = default, ReadOnlySpan<int> padding = default, bool countPadding = true)
            => MiniTorch.Ops.AvgPool.Of(x, kernel, stride, padding, countPadding);
    }
}
