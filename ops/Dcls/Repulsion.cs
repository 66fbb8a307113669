namespace MiniTorch.Ops;

/// <summary>The loss that keeps taps of a kernel apart (arXiv 2112.03740).</summary>
public static class Repulsion
{
    /// <summary>
    /// Mean over the given position sets P [axes, count, …] of 2/(K(K−1)C) · Σ_c Σ_{i&lt;j} max(0, 1 − ‖pᵢ − pⱼ‖₂), with K = count and C the kernels of the set (all further
    /// dimensions): only pairs closer than a pixel count. Coinciding taps add 1 and have no gradient. A set shared by several layers is given once. The official training
    /// adds the square of this.
    /// </summary>
    public static Tensor Of(params ReadOnlySpan<Tensor> positions)
    {
        if (positions.Length == 0) throw new TensorException("Repulsion: needs at least one set of positions, got none");
        Tensor? sum = null;
        foreach (Tensor p in positions)
        {
            Expect.That(p.Shape.Rank >= 2, "P must be [axes, count, …]", p);
            int axes = p.Shape[0], count = p.Shape[1], kernels = (int)(p.Shape.Count / Math.Max(1, axes * count));
            Expect.That(count > 1, "a kernel needs at least two taps to repel each other", p);
            Tensor points = p.Reshape(axes, count, kernels).Permute(2, 1, 0);
            Tensor pairs = (1 - Cdist.Of(points, points)).Clamp(0, double.PositiveInfinity).Sum();      // each pair twice, and each tap with itself
            Tensor loss = (pairs - (double)kernels * count) / ((double)count * (count - 1) * kernels);
            sum = sum is null ? loss : sum + loss;
        }
        return sum! / positions.Length;
    }
}
