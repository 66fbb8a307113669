namespace MiniTorch.Models;

/// <summary>(x − mean) / deviation, with one mean and one deviation for all channels or one for each. Samples are channels last.</summary>
public sealed class Normalisation
{
    readonly float[] means, deviations;

    /// <summary>For samples of this shape; an <see cref="ArgumentException"/> says what does not go with it.</summary>
    public Normalisation(IReadOnlyList<double> mean, IReadOnlyList<double> deviation, Shape sample)
    {
        int channels = sample.Rank == 0 ? 1 : sample[^1];
        foreach (IReadOnlyList<double> values in (ReadOnlySpan<IReadOnlyList<double>>)[mean, deviation])
            if (values.Count != 1 && values.Count != channels) throw new ArgumentException($"a mean and a deviation are one number or one for each of the {channels} channels of samples {sample}, got {values.Count}");
        if (deviation.Any(static d => !(d > 0))) throw new ArgumentException($"deviations must be above 0, got {string.Join(", ", deviation)}");
        int length = channels * Vector<float>.Count;          // a whole number of registers and of pixels
        means = [.. Enumerable.Range(0, length).Select(i => (float)mean[i % channels % mean.Count])];
        deviations = [.. Enumerable.Range(0, length).Select(i => (float)deviation[i % channels % deviation.Count])];
    }

    /// <summary>ImageNet's mean of each channel.</summary>
    public static double[] ImageNetMean { get; } = [0.485, 0.456, 0.406];

    /// <summary>ImageNet's deviation of each channel.</summary>
    public static double[] ImageNetDeviation { get; } = [0.229, 0.224, 0.225];

    /// <summary>A sample's values, in place.</summary>
    public void Apply(Span<float> sample)
    {
        int i = 0, lanes = Vector<float>.Count;
        for (int at = 0; i <= sample.Length - lanes; i += lanes, at = at + lanes == means.Length ? 0 : at + lanes)
            ((new Vector<float>(sample[i..]) - new Vector<float>(means, at)) / new Vector<float>(deviations, at)).CopyTo(sample[i..]);
        for (; i < sample.Length; i++) sample[i] = (sample[i] - means[i % means.Length]) / deviations[i % means.Length];
    }

    /// <summary>The colour that is 0 afterwards, as a pixel of a <see cref="Bitmap"/>.</summary>
    internal uint Zero
    {
        get
        {
            uint pixel = 0xFF000000;
            for (int c = 0; c < 3; c++) pixel |= (uint)Math.Clamp(Math.Round(255 * (double)means[Math.Min(c, means.Length / Vector<float>.Count - 1)]), 0, 255) << (8 * c);
            return pixel;
        }
    }
}
