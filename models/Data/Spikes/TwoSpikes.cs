namespace MiniTorch.Models;

/// <summary>
/// Generated sequences of two channels with a spike each, the second so many steps after the first as the class says: 3, 7, 12 or 18. Where the first lies is drawn. What tells the
/// classes apart is the delay alone, so that it is what learned delays must arrive at. Classes take turns; a sequence depends on the seed and its index only.
/// </summary>
public sealed class TwoSpikes : IDataset
{
    const int Steps = 48, Quiet = 12;         // steps without spikes at the end: with half a window behind the sequence, room for the longest delays of 25 steps
    const uint SequenceStream = 0x25B1CE;

    static readonly int[] differences = [3, 7, 12, 18];
    static readonly string[] classes = [.. differences.Select(static d => $"{d} steps")];

    readonly ulong seed;

    /// <summary>Sequences are made when they are read.</summary>
    public TwoSpikes(int count, ulong seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        (Count, this.seed, Fingerprint) = (count, seed, $"two spikes, {count} sequences of seed {seed}");
    }

    /// <summary>Steps from spike to spike, by class.</summary>
    public static IReadOnlyList<int> Differences => differences;

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public Shape Sample { get; } = [Steps, 2];

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes => classes;

    /// <inheritdoc/>
    public string Fingerprint { get; }

    /// <inheritdoc/>
    public int Label(int index) => index % differences.Length;

    /// <inheritdoc/>
    public void Read(int index, Span<float> to)
    {
        int difference = differences[Label(index)], first = new RandomStream(seed, SequenceStream, (ulong)index).NextInt(Steps - Quiet - difference);
        to.Clear();
        to[2 * first] = 1;
        to[2 * (first + difference) + 1] = 1;
    }
}
