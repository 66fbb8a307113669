namespace MiniTorch.Ops;

/// <summary>A range of one dimension. A range of the first dimension is a view, any other a copy.</summary>
public sealed class Slice : Op
{
    readonly Input x;
    readonly int dim, start;

    Slice(Tensor x, int dim, int start) : base(x) => (this.x, this.dim, this.start) = (x, dim, start);

    /// <summary>Elements start … start + length − 1 of a dimension; a negative start counts from the end.</summary>
    public static Tensor Of(Tensor x, int dim, int start, int length)
    {
        dim = x.Shape.Dim(dim);
        int size = x.Shape[dim];
        if (start < 0) start += size;
        Expect.That(start >= 0 && length >= 0 && start + length <= size, $"[{start}, {start + length}) must lie within dimension {dim}", x);
        Tensor y = dim == 0 ? x.View(x.Shape.With(0, length), (long)start * x.Shape.Product(1, x.Shape.Rank)) : Tensor.Like(x, x.Shape.With(dim, length));
        if (dim > 0) Box(x, start, y, 0, dim, y.Shape);
        return Tape.Tracks(x) ? y.From(new Slice(x, dim, start)) : y;
    }

    /// <summary>Copies a box between two tensors that differ in one dimension, from given positions in it.</summary>
    internal static void Box(Tensor from, int fromStart, Tensor to, int toStart, int dim, Shape box)
    {
        Span<int> fromStrides = stackalloc int[box.Rank], toStrides = stackalloc int[box.Rank];
        StridedCopy.Strides(from.Shape, fromStrides);
        StridedCopy.Strides(to.Shape, toStrides);
        StridedCopy.Launch(from, (long)fromStart * fromStrides[dim], fromStrides, to, (long)toStart * toStrides[dim], toStrides, box.Dims);
    }

    /// <inheritdoc/>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y)
        => graph.Node("Slice", [graph.Name(operands[0]!), graph.Wholes([start]), graph.Wholes([start + y.Shape[dim]]), graph.Wholes([dim])]);

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor dx = Tensor.Zeros(x.Shape, dy.DType, dy.Device);
        Box(dy, 0, dx, start, dim, dy.Shape);
        gradients.Add(x, dx);
    }
}

/// <summary>x.Slice(…).</summary>
public static class SliceExtension
{
    extension(Tensor x)
    {
        /// <summary>Elements start … start + length − 1 of a dimension.</summary>
        public Tensor Slice(int dim, int start, int length) => Ops.Slice.Of(x, dim, start, length);
    }
}
