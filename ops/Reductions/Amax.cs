namespace MiniTorch.Ops;

/// <summary>y = the largest x over a set of dimensions. Its gradient is shared evenly by all elements that equal it. Saves x and y.</summary>
public sealed class Amax : Op
{
    readonly Saved x, y;
    readonly int mask;

    Amax(Tensor x, Tensor y, int mask) : base(x) => (this.x, this.y, this.mask) = (Save(x), Save(y), mask);

    /// <summary>Largest element over the given dimensions (negative ones count from the end), or over all if none are given.</summary>
    public static Tensor Of(Tensor x, ReadOnlySpan<int> dims = default, bool keepDim = false)
    {
        Expect.Real(x);
        int mask = Axes.Mask(x, dims, nameof(Amax));
        Expect.That(Axes.Folded(x.Shape, mask) > 0, "nothing has no largest element; the reduced dimensions must not be empty", x);
        Tensor y = Fold<Largest>.Run(x, mask, Axes.Result(x.Shape, mask, keepDim));
        return Tape.Tracks(x) ? y.From(new Amax(x, y, mask)) : y;
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Shape kept = Axes.Result(x.Shape, mask, true);
        Tensor largest = y.Value.View(kept);
        Tensor ties = Fold<Sum.Plus>.Run(Map<Tie>.Run(largest, largest, x.Value, x.Shape, default), mask, kept);
        gradients.Add(x, Map<Share>.Run(largest, Binary<Divide>.Of(dy.View(kept), ties), x.Value, x.Shape, default));
    }

    readonly struct Largest : IFold
    {
        public static string Name => "Amax";
        public static double Start => double.NegativeInfinity;
        public static double Neutral => double.NegativeInfinity;
        public static R Add<R>(R fold, R x) where R : struct, IReal<R> => R.Max(fold, x);
        public static R Merge<R>(R a, R b) where R : struct, IReal<R> => R.Max(a, b);
    }

    readonly struct Tie : IMap
    {
        public static string Name => "Amax.ties";
        public R Of<R>(R a, R largest, R x) where R : struct, IReal<R> => R.Select(R.Equal(x, largest), R.Of(1), R.Of(0));
    }

    readonly struct Share : IMap
    {
        public static string Name => "Amax.backward";
        public R Of<R>(R largest, R share, R x) where R : struct, IReal<R> => R.Select(R.Equal(x, largest), share, R.Of(0));
    }
}

/// <summary>x.Amax().</summary>
public static class AmaxExtension
{
    extension(Tensor x)
    {
        /// <summary>Largest element over the given dimensions, or over all if none are given; ties share the gradient evenly.</summary>
        public Tensor Amax(ReadOnlySpan<int> dims = default, bool keepDim = false) => Ops.Amax.Of(x, dims, keepDim);
    }
}
