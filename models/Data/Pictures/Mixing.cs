namespace MiniTorch.Models;

/// <summary>
/// Mixes each sample of a batch with its partner, the sample that far from the batch's end, and their targets with it. Mixup: x = λ a + (1 − λ) b; CutMix: a rectangle of √(1 − λ) of each side, cut
/// off at the border, comes from the partner, and λ becomes the share that is left. One λ for a batch, of the Beta(α, α) distribution. The targets are probabilities λ onehot(a) + (1 − λ) onehot(b),
/// which the loss smooths; the reference (timm) smooths before, which is the same. Sources: arXiv 1710.09412 and 1905.04899.
/// </summary>
/// <param name="Mixup">α of mixup; 0 for none.</param>
/// <param name="CutMix">α of CutMix; 0 for none.</param>
/// <param name="Probability">Share of batches that are mixed.</param>
/// <param name="Switch">Share of those that are mixed by CutMix, where both are on.</param>
public sealed record Mixing(double Mixup = 0.8, double CutMix = 1, double Probability = 1, double Switch = 0.5)
{
    const uint Stream = 0x313C5;

    internal void Validate()
    {
        if (!(Mixup >= 0 && CutMix >= 0 && Mixup + CutMix > 0)) throw new ArgumentException($"mixing needs an alpha above 0, of mixup or CutMix, got {Mixup} and {CutMix}; leave it out for none");
        if (Probability is not (>= 0 and <= 1) || Switch is not (>= 0 and <= 1)) throw new ArgumentException($"the probabilities of mixing and of CutMix must lie in [0, 1], got {Probability} and {Switch}");
    }

    /// <summary>Mixes a batch [n, ...shape] in place and writes its targets [n, classes].</summary>
    internal void Apply(Span<float> samples, ReadOnlySpan<int> labels, Span<float> targets, Shape shape, ulong seed, int epoch, int batch)
    {
        RandomStream random = new(seed, Stream, (ulong)(uint)epoch << 32 | (uint)batch);
        double share = 1;
        if (random.NextDouble() < Probability)
        {
            bool cut = Mixup == 0 || CutMix > 0 && random.NextDouble() < Switch;
            share = Beta(cut ? CutMix : Mixup, random);
            if (cut) share = Cut(samples, labels.Length, shape, share, random);
            else Blend(samples, labels.Length, (float)share);
        }
        int classes = targets.Length / labels.Length;
        targets.Clear();
        for (int i = 0; i < labels.Length; i++)
        {
            targets[i * classes + labels[i]] += (float)share;
            targets[i * classes + labels[^(i + 1)]] += (float)(1 - share);
        }
    }

    static void Blend(Span<float> samples, int count, float share)
    {
        int size = samples.Length / count;
        for (int i = 0; 2 * i < count - 1; i++)
        {
            Span<float> a = samples.Slice(i * size, size), b = samples.Slice((count - 1 - i) * size, size);
            int j = 0;
            if (Vector.IsHardwareAccelerated)
                for (Vector<float> keep = new(share), take = new(1 - share); j <= size - Vector<float>.Count; j += Vector<float>.Count)
                {
                    Vector<float> x = new(a[j..]), y = new(b[j..]);
                    (x * keep + y * take).CopyTo(a[j..]);
                    (y * keep + x * take).CopyTo(b[j..]);
                }
            for (; j < size; j++) (a[j], b[j]) = (a[j] * share + b[j] * (1 - share), b[j] * share + a[j] * (1 - share));
        }
    }

    static double Cut(Span<float> samples, int count, Shape shape, double share, RandomStream random)
    {
        int size = samples.Length / count, height = shape[0], width = shape[1], channels = shape[2];
        double side = Math.Sqrt(1 - share);
        int h = (int)(height * side), w = (int)(width * side), y = random.NextInt(height), x = random.NextInt(width);
        int top = Math.Clamp(y - h / 2, 0, height), bottom = Math.Clamp(y + h / 2, 0, height), left = Math.Clamp(x - w / 2, 0, width), right = Math.Clamp(x + w / 2, 0, width);
        float[] held = new float[(right - left) * channels];
        for (int i = 0; 2 * i < count - 1; i++)
            for (int row = top; row < bottom; row++)
            {
                int at = (row * width + left) * channels;
                Span<float> a = samples.Slice(i * size + at, held.Length), b = samples.Slice((count - 1 - i) * size + at, held.Length);
                a.CopyTo(held);
                b.CopyTo(a);
                held.CopyTo(b);
            }
        return 1 - (bottom - top) * (right - left) / (double)(height * width);
    }

    /// <summary>g / (g + g′) of two gamma variates of shape α.</summary>
    internal static double Beta(double alpha, RandomStream random)
    {
        double a = Gamma(alpha, random), b = Gamma(alpha, random);
        return a + b == 0 ? random.NextInt(2) : a / (a + b);           // both below the smallest number there is: α is close to 0, where Beta has its mass at 0 and 1
    }

    /// <summary>Marsaglia and Tsang (2000); below 1 by a variate of α + 1 times U^(1/α).</summary>
    static double Gamma(double alpha, RandomStream random)
    {
        if (alpha < 1) return Gamma(alpha + 1, random) * Math.Pow(1 - random.NextDouble(), 1 / alpha);
        double d = alpha - 1.0 / 3, c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            double x = random.NextNormal(), v = Math.Pow(1 + c * x, 3);
            if (v > 0 && Math.Log(1 - random.NextDouble()) < 0.5 * x * x + d - d * v + d * Math.Log(v)) return d * v;
        }
    }
}
