namespace MiniTorch.Models;

/// <summary>What is written over an erased part.</summary>
public enum ErasingFill
{
    /// <summary>A normal number for each value.</summary>
    Pixel,

    /// <summary>0.</summary>
    Const,

    /// <summary>A normal number for each channel.</summary>
    Rand,
}

/// <summary>
/// Erases rectangles of normalised samples by chance: area a uniform share of 0.02 to 1/3 of the picture, divided among them, width over height log-uniform between 0.3 and 1/0.3; one that does not
/// fit in ten tries is left out. As the reference (timm) does; source: Zhong et al., arXiv 1708.04896.
/// </summary>
/// <param name="Probability">Share of samples of which something is erased.</param>
/// <param name="Fill">What comes there.</param>
/// <param name="Most">Rectangles of a sample, from one to so many.</param>
public sealed record Erasing(double Probability = 0.25, ErasingFill Fill = ErasingFill.Pixel, int Most = 1)
{
    const int Tries = 10;
    const double LeastArea = 0.02, MostArea = 1.0 / 3, LeastRatio = 0.3;

    internal void Validate()
    {
        if (Probability is not (>= 0 and <= 1)) throw new ArgumentException($"the probability of erasing must lie in [0, 1], got {Probability}");
        if (Most < 1) throw new ArgumentException($"at least one rectangle is erased, got {Most}");
    }

    internal void Apply(Span<float> sample, Shape shape, RandomStream random)
    {
        if (random.NextDouble() >= Probability) return;
        int count = 1 + random.NextInt(Most);
        for (int i = 0; i < count; i++)
            for (int attempt = 0; attempt < Tries; attempt++)
            {
                double area = (LeastArea + (MostArea - LeastArea) * random.NextDouble()) * shape[0] * shape[1] / count, log = Math.Log(LeastRatio), ratio = Math.Exp(log - 2 * log * random.NextDouble());
                int h = (int)Math.Round(Math.Sqrt(area * ratio)), w = (int)Math.Round(Math.Sqrt(area / ratio));
                if (h >= shape[0] || w >= shape[1]) continue;
                Write(sample, shape, random.NextInt(shape[0] - h + 1), random.NextInt(shape[1] - w + 1), h, w, random);
                break;
            }
    }

    void Write(Span<float> sample, Shape shape, int top, int left, int h, int w, RandomStream random)
    {
        int channels = shape[2];
        Span<float> color = stackalloc float[channels];
        if (Fill == ErasingFill.Rand)
            foreach (ref float value in color) value = (float)random.NextNormal();
        for (int y = top; y < top + h; y++)
        {
            Span<float> row = sample.Slice((y * shape[1] + left) * channels, w * channels);
            if (Fill == ErasingFill.Pixel) Normal(row, random);
            else
                for (int i = 0; i < row.Length; i += channels) color.CopyTo(row[i..]);
        }
    }

    /// <summary>Box-Muller in single precision, both of a pair: much of a picture may be erased.</summary>
    static void Normal(Span<float> values, RandomStream random)
    {
        for (int i = 0; i < values.Length; i += 2)
        {
            float length = MathF.Sqrt(-2 * MathF.Log(1 - Philox.Unit(random.NextWord())));
            (float sine, float cosine) = MathF.SinCos(2 * MathF.PI * Philox.Unit(random.NextWord()));
            values[i] = length * cosine;
            if (i + 1 < values.Length) values[i + 1] = length * sine;
        }
    }
}
