namespace MiniTorch.Models;

/// <summary>What is done to each 8-bit value by itself, by a table per channel, as PIL's ImageOps do.</summary>
static class Tones
{
    /// <summary>255 − v.</summary>
    internal static void Invert(Bitmap picture) => Map(picture, static v => 255 - v);

    /// <summary>Values from the threshold on are inverted.</summary>
    internal static void Solarize(Bitmap picture, int threshold) => Map(picture, v => v < threshold ? v : 255 - v);

    /// <summary>Values below 128 grow, to 255 at most.</summary>
    internal static void SolarizeAdd(Bitmap picture, int added) => Map(picture, v => v < 128 ? Math.Min(255, v + added) : v);

    /// <summary>The highest bits are kept.</summary>
    internal static void Posterize(Bitmap picture, int bits)
    {
        if (bits < 8) Map(picture, v => v & ~((1 << (8 - bits)) - 1));
    }

    /// <summary>Stretches each channel from its darkest and brightest value to 0 and 255.</summary>
    internal static void AutoContrast(Bitmap picture) => Map(picture, static (counts, table) =>
    {
        int low = Array.FindIndex(counts, static n => n > 0), high = Array.FindLastIndex(counts, static n => n > 0);
        if (high <= low) return;
        double scale = 255.0 / (high - low), offset = -low * scale;
        for (int v = 0; v < 256; v++) table[v] = (byte)Math.Clamp((int)(v * scale + offset), 0, 255);
    });

    /// <summary>Spreads each channel so that all values are equally frequent, as far as whole values can.</summary>
    internal static void Equalize(Bitmap picture) => Map(picture, static (counts, table) =>
    {
        int step = (counts.Sum() - counts[Array.FindLastIndex(counts, static n => n > 0)]) / 255;
        if (step == 0) return;
        for (int v = 0, n = step / 2; v < 256; n += counts[v++]) table[v] = (byte)Math.Min(255, n / step);
    });

    static void Map(Bitmap picture, Func<int, int> value)
    {
        Span<byte> table = stackalloc byte[256];
        for (int v = 0; v < 256; v++) table[v] = (byte)value(v);
        Look(picture.Bytes, table, table, table);
    }

    /// <summary>A channel's table is made of how often each value comes; it begins as the identity.</summary>
    static void Map(Bitmap picture, Action<int[], byte[]> make)
    {
        int[][] counts = [new int[256], new int[256], new int[256]];
        ReadOnlySpan<byte> bytes = picture.Bytes;
        for (int i = 0; i < bytes.Length; i += 4)
        {
            counts[0][bytes[i]]++;
            counts[1][bytes[i + 1]]++;
            counts[2][bytes[i + 2]]++;
        }
        byte[][] tables = Array.ConvertAll(counts, _ => new byte[256]);
        for (int c = 0; c < 3; c++)
        {
            for (int v = 0; v < 256; v++) tables[c][v] = (byte)v;
            make(counts[c], tables[c]);
        }
        Look(picture.Bytes, tables[0], tables[1], tables[2]);
    }

    static void Look(Span<byte> bytes, ReadOnlySpan<byte> red, ReadOnlySpan<byte> green, ReadOnlySpan<byte> blue)
    {
        for (int i = 0; i <= bytes.Length - 4; i += 4) (bytes[i], bytes[i + 1], bytes[i + 2]) = (red[bytes[i]], green[bytes[i + 1]], blue[bytes[i + 2]]);
    }
}
