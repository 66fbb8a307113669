namespace MiniTorch.Ops;

/// <summary>y = a x + b with constants a and b. Slope a, so backward keeps nothing: dx = a dy.</summary>
public sealed class Affine : Op
{
    const double NoShift = -0.0;        // the neutral element of addition: +0 would turn −0 into 0

    readonly Input x;
    readonly double scale, shift;

    Affine(Tensor x, double scale, double shift) : base(x) => (this.x, this.scale, this.shift) = (x, scale, shift);

    /// <summary>scale · x + shift, elementwise; rounded once.</summary>
    public static Tensor Of(Tensor x, double scale, double shift = NoShift)
    {
        Expect.Real(x);
        Tensor y;
        using (Tape.Paused()) y = Unary<Line>.Of(x, new(scale, shift));
        return Tape.Tracks(x) ? y.From(new Affine(x, scale, shift)) : y;
    }

    /// <inheritdoc/>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y) => new Line(scale, shift).Value(new OnnxValue(graph.Name(operands[0]!))).Name;

    /// <summary>dx = a dy.</summary>
    protected override void Backward(Tensor dy, Gradients gradients) => gradients.Add(x, scale == 1 ? dy : Of(dy, scale));
}

/// <summary>The formula of <see cref="Affine"/>: y = a x + b, slope a.</summary>
public readonly struct Line(double scale, double shift) : IUnary
{
    /// <inheritdoc/>
    public static bool SlopeFromOutput => false;

    /// <inheritdoc/>
    public R Value<R>(R x) where R : struct, IReal<R> => R.MultiplyAdd(x, R.Of(scale), R.Of(shift));

    /// <inheritdoc/>
    public R Slope<R>(R x) where R : struct, IReal<R> => R.Of(scale);
}
