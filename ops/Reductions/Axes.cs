namespace MiniTorch.Ops;

/// <summary>
/// How a reduction walks its input: neighbouring axes that are both kept or both reduced are merged, the innermost merged axis is a row, and the other axes
/// count the outputs (kept) and the rows that are folded into one output (reduced). Nothing is permuted.
/// </summary>
readonly struct Axes
{
    /// <summary>Sizes and steps, in elements, of the merged axes outside the row.</summary>
    internal readonly Shape Kept, KeptSteps, Reduced, ReducedSteps;

    /// <summary>Length of a row, and whether it is folded to one number.</summary>
    internal readonly int Row;
    internal readonly bool RowReduced;

    /// <summary>The dimensions in the mask (bit d = dimension d) are reduced.</summary>
    internal Axes(Shape x, int mask)
    {
        Span<int> sizes = stackalloc int[Shape.MaxRank], steps = stackalloc int[Shape.MaxRank];
        Span<bool> reduced = stackalloc bool[Shape.MaxRank];
        int axes = 0, step = 1;
        for (int d = x.Rank - 1; d >= 0; step *= x[d--])        // innermost first
        {
            if (x[d] == 1) continue;
            bool r = (mask >> d & 1) != 0;
            if (axes > 0 && reduced[axes - 1] == r) sizes[axes - 1] *= x[d];
            else (sizes[axes], steps[axes], reduced[axes++]) = (x[d], step, r);
        }
        (Row, RowReduced) = axes == 0 ? (1, false) : (sizes[0], reduced[0]);
        (Kept, KeptSteps) = Pick(sizes, steps, reduced, axes, false);
        (Reduced, ReducedSteps) = Pick(sizes, steps, reduced, axes, true);
    }

    static (Shape Sizes, Shape Steps) Pick(Span<int> sizes, Span<int> steps, Span<bool> reduced, int axes, bool wanted)
    {
        Span<int> s = stackalloc int[Shape.MaxRank], t = stackalloc int[Shape.MaxRank];
        int count = 0;
        for (int i = axes - 1; i > 0; i--)
            if (reduced[i] == wanted) (s[count], t[count++]) = (sizes[i], steps[i]);
        return (Shape.Create(s[..count]), Shape.Create(t[..count]));
    }

    /// <summary>Where the index-th combination of some axes begins.</summary>
    internal static long Offset(int index, in Shape sizes, in Shape steps)
    {
        long at = 0;
        for (int d = sizes.Rank - 1; d > 0; d--)
        {
            (index, int i) = Math.DivRem(index, sizes[d]);
            at += (long)i * steps[d];
        }
        return sizes.Rank == 0 ? at : at + (long)index * steps[0];
    }

    /// <summary>Mask of the given dimensions (negative ones count from the end); no dimensions mean all.</summary>
    internal static int Mask(Tensor x, ReadOnlySpan<int> dims, string op)
    {
        if (dims.Length == 0) return (1 << x.Shape.Rank) - 1;
        int mask = 0;
        foreach (int dim in dims)
        {
            int bit = 1 << x.Shape.Dim(dim);
            if ((mask & bit) != 0) throw new TensorException($"{op}: dimension {dim} is named twice, reducing {x}");
            mask |= bit;
        }
        return mask;
    }

    /// <summary>The shape after reduction: reduced dimensions become 1, or disappear.</summary>
    internal static Shape Result(Shape x, int mask, bool keepDim)
    {
        Span<int> y = stackalloc int[x.Rank];
        int rank = 0;
        for (int d = 0; d < x.Rank; d++)
            if ((mask >> d & 1) == 0) y[rank++] = x[d];
            else if (keepDim) y[rank++] = 1;
        return Shape.Create(y[..rank]);
    }

    /// <summary>Number of elements that become one.</summary>
    internal static int Folded(Shape x, int mask)
    {
        int count = 1;
        for (int d = 0; d < x.Rank; d++) if ((mask >> d & 1) != 0) count *= x[d];
        return count;
    }
}
