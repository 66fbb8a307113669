namespace MiniTorch.Ops;

/// <summary>Tensors one after the other along one dimension.</summary>
public sealed class Concatenate : Op
{
    readonly Input[] inputs;
    readonly int dim;

    Concatenate(ReadOnlySpan<Tensor> xs, int dim) : base(xs!)
    {
        this.dim = dim;
        inputs = new Input[xs.Length];
        for (int i = 0; i < xs.Length; i++) inputs[i] = xs[i];
    }

    /// <summary>All tensors must agree in dtype, device and every other dimension.</summary>
    public static Tensor Of(int dim, params ReadOnlySpan<Tensor> xs)
    {
        if (xs.Length == 0) throw new TensorException("Concatenate: needs at least one tensor, got none");
        Tensor first = xs[0];
        dim = first.Shape.Dim(dim);
        int size = 0;
        foreach (Tensor x in xs)
        {
            Expect.Alike(first, x);
            Expect.That(x.Shape.Rank == first.Shape.Rank && x.Shape.With(dim, first.Shape[dim]) == first.Shape, $"every tensor must be like {first} but for dimension {dim}", x);
            size += x.Shape[dim];
        }
        Tensor y = Tensor.Like(first, first.Shape.With(dim, size));
        int at = 0;
        foreach (Tensor x in xs)
        {
            Slice.Box(x, 0, y, at, dim, x.Shape);
            at += x.Shape[dim];
        }
        return Tape.Tracks(xs!) ? y.From(new Concatenate(xs, dim)) : y;
    }

    /// <inheritdoc/>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y)
    {
        string[] names = new string[operands.Length];
        for (int i = 0; i < names.Length; i++) names[i] = graph.Name(operands[i]!);
        return graph.Node("Concat", names, new OnnxAttribute("axis", dim));
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        int at = 0;
        foreach (Input x in inputs)
        {
            if (gradients.Wants(x))
            {
                Tensor dx = Tensor.Like(dy, x.Shape);
                Slice.Box(dy, at, dx, 0, dim, dx.Shape);
                gradients.Add(x, dx);
            }
            at += x.Shape[dim];
        }
    }
}
