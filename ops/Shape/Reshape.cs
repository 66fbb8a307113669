namespace MiniTorch.Ops;

/// <summary>The same elements under another shape; no copy.</summary>
public sealed class Reshape : Op
{
    readonly Input x;

    Reshape(Tensor x) : base(x) => this.x = x;

    /// <summary>Views x under a shape of the same number of elements; one size may be −1 and is then inferred.</summary>
    public static Tensor Of(Tensor x, params ReadOnlySpan<int> dims)
    {
        Span<int> sizes = stackalloc int[dims.Length];
        dims.CopyTo(sizes);
        int open = sizes.IndexOf(-1), known = 1;
        foreach (int d in sizes) if (d != -1) known *= d;
        if (open >= 0 && known > 0) sizes[open] = x.Count / known;
        if (sizes.Contains(-1) || Shape.Create(sizes).Count != x.Count) throw new TensorException($"Reshape: {x} has {x.Count} elements, [{string.Join(", ", dims.ToArray())}] does not fit");
        Tensor y = x.View(Shape.Create(sizes));
        return Tape.Tracks(x) ? y.From(new Reshape(x)) : y;
    }

    /// <inheritdoc/>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y) => graph.Node("Reshape", [graph.Name(operands[0]!), graph.Wholes(y.Shape.Dims)]);

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients) => gradients.Add(x, dy.View(x.Shape));
}

/// <summary>x.Reshape(…), x.Flatten(…).</summary>
public static class ReshapeExtension
{
    extension(Tensor x)
    {
        /// <summary>Views x under another shape; one size may be −1.</summary>
        public Tensor Reshape(params ReadOnlySpan<int> dims) => Ops.Reshape.Of(x, dims);

        /// <summary>Merges dimensions from <paramref name="start"/> to the last into one.</summary>
        public Tensor Flatten(int start = 0)
        {
            int first = x.Shape.Rank == 0 ? 0 : x.Shape.Dim(start);
            return Ops.Reshape.Of(x, [.. x.Shape.Dims[..first], x.Shape.Product(first, x.Shape.Rank)]);
        }
    }
}
