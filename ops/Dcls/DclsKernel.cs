namespace MiniTorch.Ops;

/// <summary>
/// The dense kernel that movable taps draw: K[n] = Σₖ W[k] · Πₐ f(nₐ − qₐ[k], σₐ[k]) / S[k] with q = P + ⌊size/2⌋, σ = |SIG| + σ₀ and S the sum of the product over the grid
/// plus 1e-7 (S = 1 for the bilinear version), per output and input channel. The product form makes S and all gradients separable: memory is that of the kernel
/// and the parameters. Gradients: reference formulas of arXiv 2112.03740 and 2306.00817, with G = dL/dK and A = Σₙ Gₙ φₙ:
/// dW = A, dθ = W/S · Σₙ (Gₙ − A) ∂fₙ/∂θ (without A for the bilinear version).
/// </summary>
public sealed partial class DclsKernel<F> : Op where F : struct, IBump
{
    readonly Saved weight, position;
    readonly Saved? sigma;

    DclsKernel(Tensor weight, Tensor position, Tensor? sigma) : base(weight, position, sigma)
        => (this.weight, this.position, this.sigma) = (Save(weight), Save(position), SaveOptional(sigma));

    /// <summary>
    /// Draws a kernel [*size, in/g, out] of one to three axes from weight [count, in/g, out], position P [axes, count, in/g, out] in pixels from the centre, and, for the
    /// versions that have it, SIG of the shape of P. Which axis a row of P drives is <see cref="IBump.Axis"/>; each row's centre is ⌊size[row]/2⌋, as in the official code.
    /// </summary>
    public static Tensor Draw(Tensor weight, Tensor position, Tensor? sigma, params ReadOnlySpan<int> size)
    {
        Expect.Real(weight);
        Expect.Rank(weight, 3, "[count, in/groups, out]");
        int rank = size.Length, count = weight.Shape[0];
        if (rank is < 1 or > 3 || size.ContainsAnyInRange(int.MinValue, 0)) throw new TensorException($"DclsKernel: size must have one to three axes of at least 1, got [{string.Join(", ", size.ToArray())}]");
        Expect.Shape(position, [rank, count, weight.Shape[1], weight.Shape[2]]);
        Expect.Alike(weight, position);
        if (sigma is null == F.HasSigma) throw new TensorException($"DclsKernel: version {F.Version} {(F.HasSigma ? "needs" : "has no")} sigma");
        if (sigma is not null)
        {
            Expect.Shape(sigma, position.Shape);
            Expect.Alike(weight, sigma);
        }
        Tensor kernel = Tensor.Like(weight, [.. size, weight.Shape[1], weight.Shape[2]]);
        draw.Launch(weight.Device, weight.DType, Arguments(weight, position, sigma, kernel.Shape, count) with { Kernel = kernel });
        return Tape.Tracks(weight, position, sigma) ? kernel.From(new DclsKernel<F>(weight, position, sigma)) : kernel;
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor dWeight = Tensor.Like(dy, weight.Shape), dPosition = Tensor.Like(dy, position.Shape);
        Tensor? dSigma = sigma is null ? null : Tensor.Like(dy, position.Shape);
        differentiate.Launch(dy.Device, dy.DType, Arguments(weight, position, sigma, dy.Shape, weight.Shape[0]) with { Kernel = dy, DWeight = dWeight, DPosition = dPosition, DSigma = dSigma });
        gradients.Add(weight, dWeight);
        gradients.Add(position, dPosition);
        if (dSigma is not null) gradients.Add(sigma, dSigma);
    }

    /// <summary>Up to three axes; missing ones are in front, of size 1, driven by no row (-1).</summary>
    static Args Arguments(Pointer weight, Pointer position, Pointer sigma, Shape kernel, int count)
    {
        int rank = kernel.Rank - 2, channels = kernel[^2] * kernel[^1];
        Args a = new() { Weight = weight, Position = position, Sigma = sigma, Channels = channels, Count = count };
        for (int axis = 0; axis < 3; axis++) (a.Size[axis], a.Row[axis]) = (1, -1);
        for (int row = 0; row < rank; row++)
        {
            int axis = F.Axis(row, rank) + 3 - rank;
            a.Size[row + 3 - rank] = kernel[row];
            a.Row[axis] = row;
            a.Centre[axis] = kernel[row] / 2;
        }
        return a;
    }
}
