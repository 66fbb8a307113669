namespace MiniTorch;

/// <summary>
/// Philox4x32-10, a counter-based generator: four 32-bit words from a 128-bit counter and a 64-bit key, without state, so element i of a stream is the
/// same on every device and for any number of threads. Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011).
/// </summary>
public static class Philox
{
    const uint MultiplierA = 0xD2511F53, MultiplierB = 0xCD9E8D57, WeylA = 0x9E3779B9, WeylB = 0xBB67AE85;

    /// <summary>The four words of one counter value.</summary>
    public static (uint X, uint Y, uint Z, uint W) Words(ulong key, uint c0, uint c1, uint c2, uint c3)
    {
        uint k0 = (uint)key, k1 = (uint)(key >> 32);
        for (int round = 0; round < 10; round++)
        {
            ulong a = (ulong)MultiplierA * c0, b = (ulong)MultiplierB * c2;
            (c0, c1, c2, c3) = ((uint)(b >> 32) ^ c1 ^ k0, (uint)b, (uint)(a >> 32) ^ c3 ^ k1, (uint)a);
            k0 += WeylA;
            k1 += WeylB;
        }
        return (c0, c1, c2, c3);
    }

    /// <summary>A word as a number in [0, 1) with 24 bits: exact in single precision.</summary>
    public static float Unit(uint word) => (word >> 8) * (1f / (1 << 24));
}

/// <summary>A sequential reader of one Philox stream, for the host: shuffling, initial weights, augmentation. Keyed by seed, stream and step.</summary>
public sealed class RandomStream(ulong seed, uint stream, ulong step = 0)
{
    uint counter;
    int left;
    (uint X, uint Y, uint Z, uint W) words;

    /// <summary>The next 32 bits.</summary>
    public uint NextWord()
    {
        if (left == 0)
        {
            words = Philox.Words(seed, counter++, stream, (uint)step, (uint)(step >> 32));
            left = 4;
        }
        return left-- switch { 4 => words.X, 3 => words.Y, 2 => words.Z, _ => words.W };
    }

    /// <summary>Uniform in [0, 1), 53 bits.</summary>
    public double NextDouble() => (((ulong)NextWord() << 32 | NextWord()) >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform integer in [0, below), without bias beyond 2⁻³².</summary>
    public int NextInt(int below) => (int)((ulong)NextWord() * (uint)below >> 32);

    /// <summary>Standard normal (Box-Muller).</summary>
    public double NextNormal() => Math.Sqrt(-2 * Math.Log(1 - NextDouble())) * Math.Cos(2 * Math.PI * NextDouble());

    /// <summary>Puts the items in random order (Fisher-Yates).</summary>
    public void Shuffle(Span<int> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = NextInt(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
