namespace MiniTorch.Ops;

/// <summary>y = f(a, b), elementwise with broadcasting, for any formula f. Saves both inputs, or nothing where the formula's slopes are constants.</summary>
public sealed class Binary<F> : Op where F : unmanaged, IBinary
{
    readonly Input a, b;
    readonly Saved? savedA, savedB;
    readonly F formula;

    Binary(Tensor a, Tensor b, F formula) : base(a, b)
    {
        (this.a, this.b, this.formula) = (a, b, formula);
        if (F.SlopesNeedInputs) (savedA, savedB) = (Save(a), Save(b));
    }

    /// <inheritdoc/>
    protected internal override string Name => typeof(F).Name;

    /// <summary>Applies the formula to every pair of elements; shapes are right-aligned, and a size of 1 repeats.</summary>
    public static Tensor Of(Tensor a, Tensor b, F formula = default)
    {
        Expect.Real(a);
        Expect.Alike(a, b);
        Shape shape = Broadcast.Join(a.Shape, b.Shape, typeof(F).Name);
        Tensor y = Map<ValueMap>.Run(a, b, null, shape, new(formula));
        return Tape.Tracks(a, b) ? y.From(new Binary<F>(a, b, formula)) : y;
    }

    /// <inheritdoc/>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y)
        => formula.Value(new OnnxValue(graph.Name(operands[0]!)), new OnnxValue(graph.Name(operands[1]!))).Name;

    /// <summary>da = Σ dy · ∂f/∂a and db = Σ dy · ∂f/∂b, summed over the axes along which the operand was repeated.</summary>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        if (gradients.Wants(a))
            gradients.Add(a, F.SlopesNeedInputs
                ? Sum.To(a.Shape, Map<SlopeAMap>.Run(savedA!.Value.Value, savedB!.Value.Value, dy, dy.Shape, new(formula)))
                : Scaled(Sum.To(a.Shape, dy), formula.SlopeA(default(Dual), default).Value));
        if (gradients.Wants(b))
            gradients.Add(b, F.SlopesNeedInputs
                ? Sum.To(b.Shape, Map<SlopeBMap>.Run(savedA!.Value.Value, savedB!.Value.Value, dy, dy.Shape, new(formula)))
                : Scaled(Sum.To(b.Shape, dy), formula.SlopeB(default(Dual), default).Value));
    }

    static Tensor Scaled(Tensor g, double slope) => slope == 1 ? g : Affine.Of(g, slope);

    readonly struct ValueMap(F formula) : IMap
    {
        public static string Name => $"{typeof(F).Name}.value";
        public R Of<R>(R a, R b, R g) where R : struct, IReal<R> => formula.Value(a, b);
    }

    readonly struct SlopeAMap(F formula) : IMap
    {
        public static string Name => $"{typeof(F).Name}.slopeA";
        public R Of<R>(R a, R b, R g) where R : struct, IReal<R> => g * formula.SlopeA(a, b);
    }

    readonly struct SlopeBMap(F formula) : IMap
    {
        public static string Name => $"{typeof(F).Name}.slopeB";
        public R Of<R>(R a, R b, R g) where R : struct, IReal<R> => g * formula.SlopeB(a, b);
    }
}
