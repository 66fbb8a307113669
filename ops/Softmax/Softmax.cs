namespace MiniTorch.Ops;

/// <summary>
/// Softmax y = e^(x − m) / Σ e^(x − m) along one dimension, m its largest element, or the logarithm of it, y = x − m − ln Σ e^(x − m). Saves y:
/// dx = y (dy − Σ y dy), and for the logarithm dx = dy − e^y Σ dy.
/// </summary>
public sealed partial class Softmax : Op
{
    readonly Input x;
    readonly Saved y;
    readonly int dim;
    readonly bool logarithm;

    Softmax(Tensor x, Tensor y, int dim, bool logarithm) : base(x) => (this.x, this.y, this.dim, this.logarithm) = (x, Save(y), dim, logarithm);

    /// <summary>Softmax along a dimension; -1, the last, is the fast one.</summary>
    public static Tensor Of(Tensor x, int dim = -1) => Of(x, dim, false);

    /// <summary>Logarithm of the softmax along a dimension, without overflow.</summary>
    public static Tensor Log(Tensor x, int dim = -1) => Of(x, dim, true);

    static Tensor Of(Tensor x, int dim, bool logarithm)
    {
        Expect.Real(x);
        dim = x.Shape.Dim(dim);
        Tensor y = Tensor.Like(x);
        if (x.Count > 0) forward.Launch(x.Device, x.DType, Arguments(x, y, null, dim, logarithm));
        return Tape.Tracks(x) ? y.From(new Softmax(x, y, dim, logarithm)) : y;
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor dx = Tensor.Like(dy);
        if (dx.Count > 0) backward.Launch(dy.Device, dy.DType, Arguments(dy, dx, y.Value, dim, logarithm));
        gradients.Add(x, dx);
    }

    static Args Arguments(Tensor x, Tensor y, Tensor? saved, int dim, bool logarithm)
        => new(x, y, saved, x.Shape.Product(0, dim), x.Shape[dim], x.Shape.Product(dim + 1, x.Shape.Rank), logarithm);

    /// <summary>X and Y (backward: dy and dx, and the saved output) are [Outer, N, Inner].</summary>
    readonly record struct Args(Pointer X, Pointer Y, Pointer Saved, int Outer, int N, int Inner, bool Logarithm) : ICost
    {
        public Cost Cost(int size) => new(0, size * (double)Outer * N * Inner * (Saved.IsNull ? 2 : 3), Outer, N, Inner);
    }

    static readonly Kernel<Args> forward = Kernel<Args>.On<ForwardBody, ForwardCuda>("Softmax.forward"), backward = Kernel<Args>.On<BackwardBody, BackwardCuda>("Softmax.backward");
}

/// <summary>x.Softmax(dim) and x.LogSoftmax(dim).</summary>
public static class SoftmaxExtension
{
    extension(Tensor x)
    {
        /// <summary>Softmax along a dimension, the last unless given.</summary>
        public Tensor Softmax(int dim = -1) => Ops.Softmax.Of(x, dim);

        /// <summary>Logarithm of the softmax along a dimension, the last unless given.</summary>
        public Tensor LogSoftmax(int dim = -1) => Ops.Softmax.Log(x, dim);
    }
}
