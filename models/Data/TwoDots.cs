namespace MiniTorch.Models;

/// <summary>
/// Generated pictures of 64×64 with two dots on one row, anywhere, in noise; the class is how far apart they are: 8, 13, 18 or 24 pixels. A network that is to tell
/// them apart with one kernel has to compare places that far from each other, so the distances are what the positions of two learned taps must arrive at.
/// A dot is round, a Gauss bell of height 1 and deviation 1 pixel around a pixel, cut off 3 pixels from it, and lies inside the picture as a whole. The noise is normal,
/// independent in each pixel, of mean 0 and deviation 1 / signalToNoise: 5 is 20 · log₁₀ 5 = 14 dB. Classes take turns, so all are equally frequent.
/// A picture depends on the seed and its index only: take one seed for training and another one for what is held out.
/// </summary>
public sealed class TwoDots : IDataset
{
    const int Side = 64, Reach = 3;
    const uint PictureStream = 0x2D075;

    static readonly int[] distances = [8, 13, 18, 24];
    static readonly string[] classes = [.. distances.Select(static d => $"{d} px")];

    readonly ulong seed;
    readonly float deviation;

    /// <summary>
    /// Pictures are made when they are read, so <paramref name="count"/> costs nothing; <paramref name="signalToNoise"/> is a dot's height over the noise's deviation,
    /// infinity for no noise. Where the dots are does not depend on it.
    /// </summary>
    public TwoDots(int count, ulong seed = 0, double signalToNoise = 5)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (!(signalToNoise > 0)) throw new ArgumentOutOfRangeException(nameof(signalToNoise), signalToNoise, "a dot's height over the noise's deviation is above 0");
        (Count, this.seed, deviation) = (count, seed, (float)(1 / signalToNoise));
        Fingerprint = FormattableString.Invariant($"two dots, {count} pictures of seed {seed}, signal to noise {signalToNoise}");
    }

    /// <summary>Pixels from dot to dot, by class.</summary>
    public static IReadOnlyList<int> Distances => distances;

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public Shape Sample { get; } = [Side, Side, 1];

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes => classes;

    /// <inheritdoc/>
    public string Fingerprint { get; }

    /// <inheritdoc/>
    public int Label(int index) => index % distances.Length;

    /// <summary>Draws picture <paramref name="index"/>. Values are not confined to [0, 1].</summary>
    public void Read(int index, Span<float> to)
    {
        RandomStream random = new(seed, PictureStream, (ulong)index);
        int distance = distances[Label(index)];
        int row = Reach + random.NextInt(Side - 2 * Reach), column = Reach + random.NextInt(Side - 2 * Reach - distance);
        for (int i = 0; i < to.Length; i += 2)          // Box-Muller, both of the pair
        {
            float length = deviation * MathF.Sqrt(-2 * MathF.Log(1 - Philox.Unit(random.NextWord())));
            (float sine, float cosine) = MathF.SinCos(2 * MathF.PI * Philox.Unit(random.NextWord()));
            (to[i], to[i + 1]) = (length * cosine, length * sine);
        }
        Dot(to, row, column);
        Dot(to, row, column + distance);
    }

    static void Dot(Span<float> to, int row, int column)
    {
        for (int y = -Reach; y <= Reach; y++)
            for (int x = -Reach; x <= Reach; x++) to[(row + y) * Side + column + x] += MathF.Exp(-0.5f * (x * x + y * y));
    }
}
