namespace MiniTorch.Ops;

/// <summary>
/// The dense kernel that movable taps draw: K[n] = Σₖ W[k] · Πₐ f(nₐ − h − P[k], σ[k]) / S[k] with the half window h of <see cref="Convention"/>, σ = |SIG| + σ₀ and S the sum
/// of the product over the grid plus 1e-7 (S = 1 for the bilinear version), per output and input channel, and per cell of the dense axes if there are any. The product
/// form makes S and all gradients separable: memory is that of the kernel and the parameters. Gradients: reference formulas of arXiv 2112.03740 and 2306.00817, with
/// G = dL/dK and A = Σₙ Gₙ φₙ: dW = A, dθ = W/S · Σₙ (Gₙ − A) ∂fₙ/∂θ (without A for the bilinear version).
/// </summary>
public sealed partial class DclsKernel<F> : Op where F : struct, IBump
{
    readonly Saved weight, position;
    readonly Saved? sigma;
    readonly Window window;

    readonly record struct Window(int[] Size, Convention Convention);

    DclsKernel(Tensor weight, Tensor position, Tensor? sigma, Window window) : base(weight, position, sigma)
        => (this.weight, this.position, this.sigma, this.window) = (Save(weight), Save(position), SaveOptional(sigma), window);

    /// <summary>
    /// Draws a kernel [*dense, *size, in/g, out] from weight [count, *dense, in/g, out], position P [axes, count, *dense, in/g, out] in pixels from the centre, and, for the
    /// versions that have it, SIG of the shape of P. <paramref name="size"/> names the one to three axes along which positions are learned; the dense axes, whose cells have
    /// taps of their own, are those that weight has. Which axis a row of P drives is <see cref="IBump.Axis"/>.
    /// </summary>
    public static Tensor Draw(Tensor weight, Tensor position, Tensor? sigma, ReadOnlySpan<int> size, Convention convention = Convention.Centered)
    {
        Expect.Real(weight);
        Expect.That(weight.Shape.Rank is >= 3 and <= 6, "weight must be [count, *dense, in/groups, out]", weight);
        if (size.Length is < 1 or > 3 || size.ContainsAnyInRange(int.MinValue, 0)) throw new TensorException($"DclsKernel: size must have one to three axes of at least 1, got [{string.Join(", ", size.ToArray())}]");
        ReadOnlySpan<int> tap = weight.Shape.Dims[1..];
        Expect.Shape(position, [size.Length, .. weight.Shape.Dims]);
        Expect.Alike(weight, position);
        if (sigma is null == F.HasSigma) throw new TensorException($"DclsKernel: version {F.Version} {(F.HasSigma ? "needs" : "has no")} sigma");
        if (sigma is not null)
        {
            Expect.Shape(sigma, position.Shape);
            Expect.Alike(weight, sigma);
        }
        Tensor kernel = Tensor.Like(weight, [.. tap[..^2], .. size, .. tap[^2..]]);
        Window window = new(size.ToArray(), convention);
        draw.Launch(weight.Device, weight.DType, Arguments(weight, position, sigma, weight.Shape, window) with { Kernel = kernel });
        return Tape.Tracks(weight, position, sigma) ? kernel.From(new DclsKernel<F>(weight, position, sigma, window)) : kernel;
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor dWeight = Tensor.Like(dy, weight.Shape), dPosition = Tensor.Like(dy, position.Shape);
        Tensor? dSigma = sigma is null ? null : Tensor.Like(dy, position.Shape);
        differentiate.Launch(dy.Device, dy.DType, Arguments(weight, position, sigma, weight.Shape, window) with { Kernel = dy, DWeight = dWeight, DPosition = dPosition, DSigma = dSigma });
        gradients.Add(weight, dWeight);
        gradients.Add(position, dPosition);
        if (dSigma is not null) gradients.Add(sigma, dSigma);
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
