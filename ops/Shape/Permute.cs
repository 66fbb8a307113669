namespace MiniTorch.Ops;

/// <summary>Dimensions in another order; copies, since tensors are always dense.</summary>
public sealed class Permute : Op
{
    readonly Input x;
    readonly int[] inverse;

    Permute(Tensor x, ReadOnlySpan<int> order) : base(x)
    {
        this.x = x;
        inverse = new int[order.Length];
        for (int i = 0; i < order.Length; i++) inverse[order[i]] = i;
    }

    /// <summary>Dimension i of the result is dimension order[i] of x; order must name each dimension once.</summary>
    public static Tensor Of(Tensor x, params ReadOnlySpan<int> order)
    {
        int rank = x.Shape.Rank;
        Span<int> from = stackalloc int[order.Length];
        int seen = 0;
        for (int i = 0; i < order.Length; i++) seen |= 1 << (from[i] = x.Shape.Dim(order[i]));
        Expect.That(order.Length == rank && seen == (1 << rank) - 1, $"order [{string.Join(", ", order.ToArray())}] must name each dimension once", x);
        Tensor y = Move(x, from);
        return Tape.Tracks(x) ? y.From(new Permute(x, from)) : y;
    }

    static Tensor Move(Tensor x, ReadOnlySpan<int> order)
    {
        int rank = order.Length;
        Span<int> strides = stackalloc int[rank], fromStrides = stackalloc int[rank], toStrides = stackalloc int[rank], dims = stackalloc int[rank];
        StridedCopy.Strides(x.Shape, strides);
        for (int i = 0; i < rank; i++) (dims[i], fromStrides[i]) = (x.Shape[order[i]], strides[order[i]]);
        Tensor y = Tensor.Like(x, Shape.Create(dims));
        StridedCopy.Strides(y.Shape, toStrides);
        StridedCopy.Launch(x, 0, fromStrides, y, 0, toStrides, dims);
        return y;
    }

    /// <inheritdoc/>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y)
    {
        long[] order = new long[inverse.Length];
        for (int i = 0; i < inverse.Length; i++) order[inverse[i]] = i;
        return graph.Node("Transpose", [graph.Name(operands[0]!)], new OnnxAttribute("perm", Wholes: order));
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients) => gradients.Add(x, Move(dy, inverse));
}

/// <summary>x.Permute(…), x.Transpose(…).</summary>
public static class PermuteExtension
{
    extension(Tensor x)
    {
        /// <summary>Dimension i of the result is dimension order[i] of x.</summary>
        public Tensor Permute(params ReadOnlySpan<int> order) => Ops.Permute.Of(x, order);

        /// <summary>Swaps two dimensions.</summary>
        public Tensor Transpose(int a, int b)
        {
            Span<int> order = stackalloc int[x.Shape.Rank];
            for (int i = 0; i < order.Length; i++) order[i] = i;
            (a, b) = (x.Shape.Dim(a), x.Shape.Dim(b));
            (order[a], order[b]) = (b, a);
            return Ops.Permute.Of(x, order);
        }
    }
}
