namespace MiniTorch.Ops;

/// <summary>What lies outside a padded tensor.</summary>
public enum PaddingMode
{
    /// <summary>Zeros; negative padding crops.</summary>
    Zeros,
    /// <summary>The tensor mirrored at its first and last element, which are not repeated: padding must be below the size.</summary>
    Reflect,
    /// <summary>The first and last element, repeated.</summary>
    Replicate,
    /// <summary>The tensor, repeated: padding is at most the size.</summary>
    Circular,
}

/// <summary>Zero padding (or cropping, where negative) of any dimensions; the other modes are selections of elements, one dimension after the other.</summary>
public sealed class Pad : Op
{
    readonly Input x;
    readonly (int Before, int After)[] pads;

    Pad(Tensor x, (int, int)[] pads) : base(x) => (this.x, this.pads) = (x, pads);

    /// <summary>Pads dimension d of x by pads[d] = (before, after); one pair for each dimension.</summary>
    public static Tensor Of(Tensor x, PaddingMode mode, params (int Before, int After)[] pads)
    {
        Expect.That(pads.Length == x.Shape.Rank, $"pads must have one pair for each dimension, has {pads.Length}", x);
        for (int d = 0; d < pads.Length; d++)
        {
            int size = x.Shape[d], limit = mode switch { PaddingMode.Reflect => size - 1, PaddingMode.Circular => size, _ => int.MaxValue };
            Expect.That(size + pads[d].Before + pads[d].After >= 0, $"padding ({pads[d].Before}, {pads[d].After}) of dimension {d} leaves less than nothing", x);
            if (mode != PaddingMode.Zeros && pads[d] != (0, 0))
                Expect.That(Math.Min(pads[d].Before, pads[d].After) >= 0 && Math.Max(pads[d].Before, pads[d].After) <= limit && size > 0,
                    $"{mode} padding of dimension {d} must be between 0 and {limit}, is ({pads[d].Before}, {pads[d].After})", x);
        }
        if (mode != PaddingMode.Zeros) return Select(x, mode, pads);
        Tensor y = Move(x, pads);
        return Tape.Tracks(x) ? y.From(new Pad(x, pads)) : y;
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients) => gradients.Add(x, Move(dy, Array.ConvertAll(pads, static p => (-p.Before, -p.After))));

    static Tensor Move(Tensor x, (int Before, int After)[] pads)
    {
        int rank = pads.Length;
        Span<int> to = stackalloc int[rank], box = stackalloc int[rank], fromStrides = stackalloc int[rank], toStrides = stackalloc int[rank];
        for (int d = 0; d < rank; d++)
        {
            to[d] = x.Shape[d] + pads[d].Before + pads[d].After;
            box[d] = Math.Max(0, x.Shape[d] + Math.Min(0, pads[d].Before) + Math.Min(0, pads[d].After));
        }
        Tensor y = Tensor.Zeros(Shape.Create(to), x.DType, x.Device);
        StridedCopy.Strides(x.Shape, fromStrides);
        StridedCopy.Strides(y.Shape, toStrides);
        long from = 0, at = 0;
        for (int d = 0; d < rank; d++)
        {
            from += (long)Math.Max(0, -pads[d].Before) * fromStrides[d];
            at += (long)Math.Max(0, pads[d].Before) * toStrides[d];
        }
        StridedCopy.Launch(x, from, fromStrides, y, at, toStrides, box);
        return y;
    }

    static Tensor Select(Tensor x, PaddingMode mode, (int Before, int After)[] pads)
    {
        for (int d = 0; d < pads.Length; d++)
        {
            if (pads[d] == (0, 0)) continue;
            int size = x.Shape[d];
            int[] index = new int[size + pads[d].Before + pads[d].After];
            for (int i = 0; i < index.Length; i++)
            {
                int at = i - pads[d].Before;
                index[i] = mode switch
                {
                    PaddingMode.Reflect => at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at,
                    PaddingMode.Replicate => Math.Clamp(at, 0, size - 1),
                    _ => (at + size) % size,
                };
            }
            x = x.IndexSelect(d, Tensor.Of(index, [index.Length], x.Device));
        }
        return x;
    }
}

/// <summary>x.Pad(…).</summary>
public static class PadExtension
{
    extension(Tensor x)
    {
        /// <summary>Pads dimension d by pads[d] = (before, after).</summary>
        public Tensor Pad(PaddingMode mode, params (int Before, int After)[] pads) => Ops.Pad.Of(x, mode, pads);

        /// <summary>Pads the spatial dimensions of an image or sequence [n, *spatial, c] by the same amount on both sides, one number a dimension.</summary>
        public Tensor PadSpatial(PaddingMode mode, params ReadOnlySpan<int> padding)
        {
            Expect.That(x.Shape.Rank == padding.Length + 2, $"x must be [n, *spatial, c] with {padding.Length} spatial dimensions", x);
            (int, int)[] pads = new (int, int)[x.Shape.Rank];
            for (int d = 0; d < padding.Length; d++) pads[d + 1] = (padding[d], padding[d]);
            return Ops.Pad.Of(x, mode, pads);
        }
    }
}
