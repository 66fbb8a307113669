namespace MiniTorch.Ops;

/// <summary>
/// Cross-entropy of logits x [..., C] against classes t [...] (i32 indices) or probabilities t [..., C], per row L = −Σ t′ ln softmax(x) with the smoothed target
/// t′ = (1 − ε) t + ε/C. dx = dL (softmax(x) Σ t′ − t′). Saves x, t and each row's largest logit m and ln Σ e^(x − m).
/// </summary>
public sealed partial class CrossEntropy : Op
{
    readonly Saved logits, target, normalizer;
    readonly double smoothing;
    readonly Reduction reduction;

    CrossEntropy(Tensor logits, Tensor target, Tensor normalizer, double smoothing, Reduction reduction) : base(logits)
        => (this.logits, this.target, this.normalizer, this.smoothing, this.reduction) = (Save(logits), Save(target), Save(normalizer), smoothing, reduction);

    /// <summary>Loss of logits [..., C] against i32 class indices [...] or probabilities [..., C]; the mean is over rows. Targets have no gradient.</summary>
    public static Tensor Of(Tensor logits, Tensor target, double smoothing = 0, Reduction reduction = Reduction.Mean)
    {
        Expect.Real(logits);
        Expect.That(logits.Shape.Rank > 0 && logits.Shape[^1] > 0, "logits must be [..., classes] with at least one class", logits);
        if (smoothing is not (>= 0 and <= 1)) throw new TensorException($"CrossEntropy: smoothing must be in [0, 1], got {smoothing}");
        Shape rows = Axes.Result(logits.Shape, 1 << (logits.Shape.Rank - 1), false);
        if (target.DType == DType.Int32)
        {
            Expect.Shape(target, rows);
            CheckClasses(target, logits.Shape[^1]);
        }
        else
        {
            Expect.Shape(target, logits.Shape);
            Expect.Alike(logits, target);
            Expect.That(!Tape.Tracks(target), "target must be a constant: its gradient is not computed; use LogSoftmax and a product", target);
        }
        Tensor losses = Tensor.Like(logits, rows), normalizer = Tensor.Empty([losses.Count, 2], logits.DType.Wide(), logits.Device);
        forward.Launch(logits.Device, logits.DType, new(logits, target, normalizer, losses, default, Settings(logits.Shape, target, smoothing, reduction)));
        Tensor y = reduction switch
        {
            Reduction.None => losses,
            Reduction.Sum => Fold<Sum.Plus>.Run(losses, (1 << rows.Rank) - 1, []),
            _ => Fold<Sum.Plus>.Run(losses, (1 << rows.Rank) - 1, [], 1.0 / losses.Count),
        };
        return Tape.Tracks(logits) ? y.From(new CrossEntropy(logits, target, normalizer, smoothing, reduction)) : y;
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor dx = Tensor.Like(dy, logits.Shape);
        backward.Launch(dy.Device, dy.DType, new(logits, target, normalizer, dx, dy, Settings(logits.Shape, target.Value, smoothing, reduction)));
        gradients.Add(logits, dx);
    }

    /// <summary>The host would have to wait for a GPU's classes: there the kernel checks them, and stops at a wrong one.</summary>
    static unsafe void CheckClasses(Tensor target, int classes)
    {
        Expect.Indices(target);
        if (target.Device is not CpuDevice) return;
        int* t = ((Pointer)target).As<int>();
        for (int i = 0; i < target.Count; i++)
            if ((uint)t[i] >= (uint)classes) 
                throw new TensorException($"CrossEntropy: target must hold class indices in [0, {classes}), got {t[i]} at element {i} of {target}");
    }

    static Setting Settings(Shape logits, Tensor target, double smoothing, Reduction reduction)
    {
        int rows = logits.Product(0, logits.Rank - 1);
        return new(rows, logits[^1], target.DType == DType.Int32, smoothing, reduction == Reduction.Mean ? 1.0 / rows : 1, reduction == Reduction.None ? 1 : 0);
    }

    /// <summary>Slope: dL per unit of dy; DyStep: 0 where all rows share one dy.</summary>
    readonly record struct Setting(int Rows, int Classes, bool Indices, double Smoothing, double Slope, int DyStep);

    /// <summary>X [Rows, Classes]; T like X, or i32 [Rows]; Normalizer [Rows, 2]; Y: the losses [Rows], or in backward dx like X.</summary>
    readonly record struct Args(Pointer X, Pointer T, Pointer Normalizer, Pointer Y, Pointer Dy, Setting With) : ICost
    {
        public Cost Cost(int size) => new(0, size * (double)With.Rows * (With.Classes * ((With.Indices ? 1 : 2) + (Dy.IsNull ? 0 : 1)) + 3), With.Rows, With.Classes);
    }

    static readonly Kernel<Args> forward = Kernel<Args>.On<ForwardBody, ForwardCuda>("CrossEntropy.forward"), backward = Kernel<Args>.On<BackwardBody, BackwardCuda>("CrossEntropy.backward");
}

/// <summary>logits.CrossEntropy(target).</summary>
public static class CrossEntropyExtension
{
    extension(Tensor logits)
    {
        /// <summary>Cross-entropy of logits [..., C] against i32 class indices [...] or probabilities [..., C], with label smoothing.</summary>
        public Tensor CrossEntropy(Tensor target, double smoothing = 0, Reduction reduction = Reduction.Mean) => Ops.CrossEntropy.Of(logits, target, smoothing, reduction);
    }
}
