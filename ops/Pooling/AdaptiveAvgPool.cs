namespace MiniTorch.Ops;

/// <summary>y = the averages of x over a grid of nearly equal boxes, per channel: output o of n covers inputs ⌊o · in / n⌋ to ⌈(o + 1) · in / n⌉.</summary>
public sealed class AdaptiveAvgPool : Op
{
    readonly Input x;
    readonly BoxArgs boxes;

    AdaptiveAvgPool(Tensor x, BoxArgs boxes) : base(x) => (this.x, this.boxes) = (x, boxes);

    /// <summary>x [n, *spatial, c] to the given spatial sizes, one per axis or one for all; [1] averages all pixels.</summary>
    public static Tensor Of(Tensor x, ReadOnlySpan<int> size)
    {
        Expect.Real(x);
        int rank = x.Shape.Rank - 2;
        Expect.That(rank is >= 1 and <= 3, "x must be [n, *spatial, c] with one to three spatial axes", x);
        Expect.That(size.Length == rank || size.Length == 1, $"size takes one value or {rank}", x);
        Span<BoxAxis> axes = [new(1, 1, 1, 1, 0, true), new(1, 1, 1, 1, 0, true), new(1, 1, 1, 1, 0, true)];
        Shape result = x.Shape;
        for (int i = 0; i < rank; i++)
        {
            int wanted = size.Length == 1 ? size[0] : size[i];
            Expect.That(wanted >= 1 && x.Shape[i + 1] >= 1, $"sizes must be at least 1, wanted {wanted} from axis {i}", x);
            axes[3 - rank + i] = new(x.Shape[i + 1], wanted, 0, 0, 0, true);
            result = result.With(i + 1, wanted);
        }
        BoxArgs boxes = new(default, default, x.Shape[0], x.Shape[^1], axes[0], axes[1], axes[2], 0);
        Tensor y = Tensor.Like(x, result);
        BoxAverage.Forward.Launch(x.Device, x.DType, boxes with { X = x, Y = y });
        return Tape.Tracks(x) ? y.From(new AdaptiveAvgPool(x, boxes)) : y;
    }

    /// <summary>Each input gets its share of dy from every box that holds it.</summary>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor dx = Tensor.Like(dy, x.Shape);
        BoxAverage.Backward.Launch(dy.Device, dy.DType, boxes with { X = dx, Y = dy });
        gradients.Add(x, dx);
    }
}

/// <summary>x.AdaptiveAvgPool(size).</summary>
public static class AdaptiveAvgPoolExtension
{
    extension(Tensor x)
    {
        /// <summary>Averages of x [n, *spatial, c] over a grid of boxes of the given size.</summary>
        public Tensor AdaptiveAvgPool(ReadOnlySpan<int> size) => MiniTorch.Ops.AdaptiveAvgPool.Of(x, size);
    }
}
