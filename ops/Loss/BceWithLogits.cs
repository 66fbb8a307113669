namespace MiniTorch.Ops;

/// <summary>
/// Binary cross-entropy of logits x against targets t in [0, 1]: L = (1 − t) x + w ln(1 + e⁻ˣ) with w = 1 + (p − 1) t, where p weighs positive examples and is 1
/// unless given. dx = dL (1 − t − w σ(−x)). Saves x, t and p.
/// </summary>
public sealed class BceWithLogits : Op
{
    readonly Saved logits, target;
    readonly Saved? positiveWeight;
    readonly Reduction reduction;

    BceWithLogits(Tensor logits, Tensor target, Tensor? positiveWeight, Reduction reduction) : base(logits)
        => (this.logits, this.target, this.positiveWeight, this.reduction) = (Save(logits), Save(target), SaveOptional(positiveWeight), reduction);

    /// <summary>Loss of logits against targets of the same shape; positiveWeight broadcasts. Targets and weights have no gradient.</summary>
    public static Tensor Of(Tensor logits, Tensor target, Tensor? positiveWeight = null, Reduction reduction = Reduction.Mean)
    {
        Expect.Real(logits);
        Expect.Shape(target, logits.Shape);
        Expect.Alike(logits, target);
        Expect.That(!Tape.Tracks(target, positiveWeight), "target and positiveWeight must be constants: their gradients are not computed", target);
        if (positiveWeight is not null)
        {
            Expect.Alike(logits, positiveWeight);
            Shape joint = Broadcast.Join(logits.Shape, positiveWeight.Shape, nameof(BceWithLogits));
            Expect.That(joint == logits.Shape, $"positiveWeight must broadcast to {logits.Shape}", positiveWeight);
        }
        Tensor losses = Map<Loss>.Run(positiveWeight ?? target, target, logits, logits.Shape, new(positiveWeight is not null));
        Tensor y = reduction switch
        {
            Reduction.None => losses,
            Reduction.Sum => Fold<Sum.Plus>.Run(losses, (1 << losses.Shape.Rank) - 1, []),
            _ => Fold<Sum.Plus>.Run(losses, (1 << losses.Shape.Rank) - 1, [], 1.0 / losses.Count),
        };
        return Tape.Tracks(logits) ? y.From(new BceWithLogits(logits, target, positiveWeight, reduction)) : y;
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor slope = Map<Slope>.Run(positiveWeight?.Value ?? target.Value, target.Value, logits.Value, logits.Shape, new(positiveWeight is not null));
        gradients.Add(logits, Map<Scaled>.Run(dy, dy, slope, logits.Shape, new(reduction == Reduction.Mean ? 1.0 / slope.Count : 1)));
    }

    readonly struct Loss(bool weighted) : IMap
    {
        public static string Name => "BceWithLogits.forward";
        public R Of<R>(R p, R t, R x) where R : struct, IReal<R>
            => R.MultiplyAdd(R.Of(1) - t, x, Weight(weighted, p, t) * new Softplus().Value(-x));
    }

    readonly struct Slope(bool weighted) : IMap
    {
        public static string Name => "BceWithLogits.slope";
        public R Of<R>(R p, R t, R x) where R : struct, IReal<R> => R.Of(1) - t - Weight(weighted, p, t) / (R.Of(1) + R.Exp(x));
    }

    readonly struct Scaled(double scale) : IMap
    {
        public static string Name => "BceWithLogits.backward";
        public R Of<R>(R dy, R b, R slope) where R : struct, IReal<R> => dy * R.Of(scale) * slope;
    }

    static R Weight<R>(bool weighted, R p, R t) where R : struct, IReal<R> => weighted ? R.MultiplyAdd(p - R.Of(1), t, R.Of(1)) : R.Of(1);
}

/// <summary>logits.BceWithLogits(target).</summary>
public static class BceWithLogitsExtension
{
    extension(Tensor logits)
    {
        /// <summary>Binary cross-entropy of logits against targets in [0, 1]; positiveWeight, which broadcasts, weighs positive examples.</summary>
        public Tensor BceWithLogits(Tensor target, Tensor? positiveWeight = null, Reduction reduction = Reduction.Mean)
            => Ops.BceWithLogits.Of(logits, target, positiveWeight, reduction);
    }
}
