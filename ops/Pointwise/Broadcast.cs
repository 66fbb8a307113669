namespace MiniTorch.Ops;

/// <summary>
/// How two operands are read to fill a shape, right-aligned as in NumPy. Neighbouring axes that both operands step through alike are merged, so equal shapes,
/// scalars and trailing vectors are one or two axes. Along the innermost axis a step is 1, or 0 where the operand repeats.
/// </summary>
readonly struct Broadcast
{
    internal readonly Shape Sizes, StepsA, StepsB;

    /// <summary>Operands of shapes a and b over the elements of y, to which both must fit.</summary>
    internal Broadcast(Shape y, Shape a, Shape b)
    {
        Span<int> sizes = stackalloc int[Shape.MaxRank], stepsA = stackalloc int[Shape.MaxRank], stepsB = stackalloc int[Shape.MaxRank];
        int first = Shape.MaxRank, strideA = 1, strideB = 1;
        for (int back = 1; back <= y.Rank; back++)
        {
            int size = y[^back], sizeA = Size(a, back), sizeB = Size(b, back);
            if (size == 1) continue;
            int stepA = sizeA == 1 ? 0 : strideA, stepB = sizeB == 1 ? 0 : strideB;
            strideA *= sizeA;
            strideB *= sizeB;
            if (first < Shape.MaxRank && stepA == 0 == (stepsA[first] == 0) && stepB == 0 == (stepsB[first] == 0)) sizes[first] *= size;
            else (sizes[--first], stepsA[first], stepsB[first]) = (size, stepA, stepB);
        }
        if (first == Shape.MaxRank) sizes[--first] = 1;
        (Sizes, StepsA, StepsB) = (Shape.Create(sizes[first..]), Shape.Create(stepsA[first..]), Shape.Create(stepsB[first..]));
    }

    /// <summary>Elements of the operand of these steps.</summary>
    internal double Read(Shape steps)
    {
        double elements = 1;
        for (int d = 0; d < Sizes.Rank; d++) if (steps[d] != 0) elements *= Sizes[d];
        return elements;
    }

    /// <summary>The shape that two shapes broadcast to; an error naming both if they do not fit.</summary>
    internal static Shape Join(Shape a, Shape b, string op)
    {
        Span<int> y = stackalloc int[Math.Max(a.Rank, b.Rank)];
        for (int back = 1; back <= y.Length; back++)
        {
            int sizeA = Size(a, back), sizeB = Size(b, back);
            if (sizeA != sizeB && sizeA != 1 && sizeB != 1)
                throw new TensorException($"{op}: shapes must broadcast (equal sizes or 1, aligned at the last dimension), got {a} and {b}");
            y[^back] = sizeA == 1 ? sizeB : sizeA;
        }
        return Shape.Create(y);
    }

    /// <summary>Size of the dimension that is <paramref name="back"/>th from the end; missing dimensions count as 1.</summary>
    static int Size(Shape s, int back) => back <= s.Rank ? s[^back] : 1;
}
