namespace MiniTorch.Models;

/// <summary>
/// Recordings [frames, channels] made harder: each spike moves by a normally distributed number of frames, rounded, held within the recording, and any place may get a spike of noise.
/// What is drawn depends on the seed and the recording's index only.
/// </summary>
/// <param name="all">Counts of spikes.</param>
/// <param name="jitter">Deviation of the movement in frames.</param>
/// <param name="noise">Probability of a spike of noise in a frame of a channel.</param>
/// <param name="seed">Key of what is drawn.</param>
public sealed class NoisySpikes(IDataset all, double jitter, double noise, ulong seed = 0) : IDataset
{
    const uint NoiseStream = 0x5B1CE5;

    readonly double jitter = jitter >= 0 ? jitter : throw new ArgumentOutOfRangeException(nameof(jitter), jitter, "a deviation is at least 0 frames");
    readonly double noise = noise is >= 0 and <= 1 ? noise : throw new ArgumentOutOfRangeException(nameof(noise), noise, "a probability lies in [0, 1]");

    /// <inheritdoc/>
    public int Count => all.Count;

    /// <inheritdoc/>
    public Shape Sample { get; } = all.Sample.Rank == 2 ? all.Sample : throw new ArgumentException($"jitter and noise are for spikes [frames, channels], got samples of {all.Sample}", nameof(all));

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes => all.Classes;

    /// <inheritdoc/>
    public string Fingerprint => FormattableString.Invariant($"{all.Fingerprint}, jitter {jitter}, noise {noise}, seed {seed}");

    /// <inheritdoc/>
    public int Label(int index) => all.Label(index);

    /// <inheritdoc/>
    public void Read(int index, Span<float> to)
    {
        all.Read(index, to);
        RandomStream random = new(seed, NoiseStream, (ulong)index);
        float[] clean = to.ToArray();
        (int frames, int channels) = (Sample[0], Sample[1]);
        for (int i = 0; i < to.Length; i++) to[i] = random.NextDouble() < noise ? 1 : 0;
        for (int i = 0; i < clean.Length; i++)
            for (int spikes = (int)clean[i]; spikes > 0; spikes--)
                to[Math.Clamp(i / channels + (int)Math.Round(jitter * random.NextNormal()), 0, frames - 1) * channels + i % channels]++;
    }
}
