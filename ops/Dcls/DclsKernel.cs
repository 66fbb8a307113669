namespace MiniTorch.Ops;

/// <summary>
/// The dense kernel that movable taps draw: K[n] = Σₖ W[k] · Πₐ f(nₐ − h − P[k], σ[k]) / S[k] with the half window h of <see cref="Convention"/>, σ = |SIG| + σ₀ and S the sum
/// of the product over the grid plus 1e-7 (S = 1 for the bilinear version), per output and input channel, and per cell of the dense axes if there are any. The product
/// form makes S and all gradients separable: memory is that of the kernel and the parameters. Gradients: reference formulas of arXiv 2112.03740 and 2306.00817, with
/// G = dL/dK and A = Σₙ Gₙ φₙ: dW = A, dθ = W/S · Σₙ (Gₙ − A) ∂fₙ/∂θ (without A for the bilinear version).
/// </summary>
public sealed unsafe partial class DclsKernel<F> : MultiOutputOp where F : struct, IBump
{
    const int Alignment = 16;           // elements: each kernel begins at a cache line

    readonly Source[] sources;

    /// <summary>What one kernel was drawn from.</summary>
    readonly record struct Source(Saved Weight, Saved Position, Saved? Sigma, Window Window);

    readonly record struct Window(int[] Size, Convention Convention);

    DclsKernel(ReadOnlySpan<DclsTaps> all) : base(all.Length, Inputs(all))
    {
        sources = new Source[all.Length];
        for (int i = 0; i < all.Length; i++)
            sources[i] = new(Save(all[i].Weight), Save(all[i].Position), SaveOptional(all[i].Sigma), new(all[i].Size, all[i].Convention));
    }

    /// <summary>
    /// Draws kernels, [*dense, *size, in/g, out] each, by one launch: each is the same to the last bit as if it were drawn alone. They share one storage, and their gradients
    /// are computed by one launch too.
    /// </summary>
    public static Tensor[] Draw(ReadOnlySpan<DclsTaps> all)
    {
        if (all.IsEmpty) return [];
        long elements = 0;
        foreach (DclsTaps taps in all)
        {
            Check(taps, all[0].Weight);
            elements += Workers.Blocks(taps.KernelShape.Count, Alignment) * (long)Alignment;
        }
        Tensor storage = Tensor.Like(all[0].Weight, [checked((int)elements)]);
        Tensor[] kernels = new Tensor[all.Length];
        DclsKernel<F>? op = Tape.Tracks(Inputs(all)) ? new(all) : null;
        if (op is not null) storage.From(op);
        Args[] args = new Args[all.Length];
        long at = 0;
        for (int i = 0; i < all.Length; i++)
        {
            Shape shape = all[i].KernelShape;
            kernels[i] = Result(op, storage, i, shape, at);
            at += Workers.Blocks(shape.Count, Alignment) * (long)Alignment;
            args[i] = Arguments(all[i].Weight, all[i].Position, all[i].Sigma, all[i].Weight.Shape, new(all[i].Size, all[i].Convention)) with { Kernel = kernels[i] };
        }
        fixed (Args* first = args) draw.Launch(storage.Device, storage.DType, Batch.Of(first, args.Length));
        return kernels;
    }

    /// <inheritdoc/>
    protected override void Backward(ReadOnlySpan<Tensor?> dys, Gradients gradients)
    {
        Args[] args = new Args[dys.Length];
        Tensor[] dWeights = new Tensor[dys.Length], dPositions = new Tensor[dys.Length];
        Tensor?[] dSigmas = new Tensor?[dys.Length];
        Tensor some = null!;
        int count = 0;
        for (int i = 0; i < dys.Length; i++)
        {
            if (dys[i] is not { } dy) continue;
            Source s = sources[i];
            (some, dWeights[i], dPositions[i]) = (dy, Tensor.Like(dy, s.Weight.Shape), Tensor.Like(dy, s.Position.Shape));
            dSigmas[i] = s.Sigma is null ? null : Tensor.Like(dy, s.Position.Shape);
            args[count++] = Arguments(s.Weight, s.Position, s.Sigma, s.Weight.Shape, s.Window) with { Kernel = dy, DWeight = dWeights[i], DPosition = dPositions[i], DSigma = dSigmas[i] };
        }
        fixed (Args* first = args) differentiate.Launch(some.Device, some.DType, Batch.Of(first, count));
        for (int i = dys.Length - 1; i >= 0; i--)           // as if each had been drawn by its layer: what several share is then summed in the same order
        {
            if (dys[i] is null) continue;
            gradients.Add(sources[i].Weight, dWeights[i]);
            gradients.Add(sources[i].Position, dPositions[i]);
            if (dSigmas[i] is { } dSigma) gradients.Add(sources[i].Sigma, dSigma);
        }
    }

    static void Check(in DclsTaps taps, Tensor first)
    {
        (Tensor weight, Tensor position, Tensor? sigma, int[] size, _) = taps;
        Expect.Real(weight);
        Expect.Alike(weight, first);
        Expect.That(weight.Shape.Rank is >= 3 and <= 6, "weight must be [count, *dense, in/groups, out]", weight);
        if (size.Length is < 1 or > 3 || size.AsSpan().ContainsAnyInRange(int.MinValue, 0)) throw new TensorException($"DclsKernel: size must have one to three axes of at least 1, got [{string.Join(", ", size)}]");
        Expect.Shape(position, [size.Length, .. weight.Shape.Dims]);
        Expect.Alike(weight, position);
        if (sigma is null == F.HasSigma) throw new TensorException($"DclsKernel: version {F.Version} {(F.HasSigma ? "needs" : "has no")} sigma");
        if (sigma is null) return;
        Expect.Shape(sigma, position.Shape);
        Expect.Alike(weight, sigma);
    }

    static Tensor?[] Inputs(ReadOnlySpan<DclsTaps> all)
    {
        Tensor?[] inputs = new Tensor?[3 * all.Length];
        for (int i = 0; i < all.Length; i++) (inputs[3 * i], inputs[3 * i + 1], inputs[3 * i + 2]) = (all[i].Weight, all[i].Position, all[i].Sigma);
        return inputs;
    }

    /// <summary>Up to three learned axes; missing ones are in front, of size 1, driven by no row (-1).</summary>
    static Args Arguments(Pointer weight, Pointer position, Pointer sigma, Shape taps, Window window)
    {
        int rank = window.Size.Length, dense = taps.Rank - 3;
        Args a = new()
        {
            Weight = weight, Position = position, Sigma = sigma, Count = taps[0], Planes = 1, Channels = taps[^2] * taps[^1],
            NarrowestSigma = F.NarrowestSigma(dense, window.Convention),
        };
        for (int axis = 0; axis < dense; axis++) a.Planes *= taps[1 + axis];
        for (int axis = 0; axis < 3; axis++) (a.Size[axis], a.Row[axis]) = (1, -1);
        for (int row = 0; row < rank; row++)
        {
            int axis = F.Axis(row, rank, window.Convention), at = axis + 3 - rank;
            a.Size[at] = window.Size[axis];
            a.Row[at] = row;
            a.Centre[at] = window.Convention.Half(window.Size, row, axis);
        }
        return a;
    }
}
