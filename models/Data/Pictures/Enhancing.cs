namespace MiniTorch.Models;

/// <summary>
/// Colour, contrast, brightness and sharpness as PIL's ImageEnhance has them: b + f (v − b) in single precision, cut off to 8 bits, v the picture's value and b that of a poorer picture; f = 0 gives
/// the poorer one, 1 the picture itself.
/// </summary>
static class Enhancing
{
    /// <summary>Against its grey.</summary>
    internal static void Color(Bitmap picture, double factor) => Blend(picture, factor, static (bytes, i, _) => Bitmap.Grey(bytes[i], bytes[i + 1], bytes[i + 2]));

    /// <summary>Against the rounded mean of its grey.</summary>
    internal static void Contrast(Bitmap picture, double factor)
    {
        ReadOnlySpan<byte> bytes = picture.Bytes;
        long sum = 0;
        for (int i = 0; i < bytes.Length; i += 4) sum += Bitmap.Grey(bytes[i], bytes[i + 1], bytes[i + 2]);
        Blend(picture, factor, static (_, _, mean) => mean, (byte)((double)sum / (bytes.Length / 4) + 0.5));
    }

    /// <summary>Against black.</summary>
    internal static void Brightness(Bitmap picture, double factor) => Blend(picture, factor, static (_, _, _) => 0);

    /// <summary>Against a picture smoothed by the weights 1 1 1, 1 5 1, 1 1 1 over 13; the outermost pixels stay.</summary>
    internal static void Sharpness(Bitmap picture, Bitmap scratch, double factor)
    {
        scratch.CopyFrom(picture);
        ReadOnlySpan<byte> from = scratch.Bytes;
        Span<byte> to = picture.Bytes;
        int row = 4 * picture.Width;
        float f = (float)factor;
        if (f == 1) return;
        for (int y = 1; y < picture.Height - 1; y++)
        {
            ReadOnlySpan<byte> above = from.Slice((y - 1) * row, row), here = from.Slice(y * row, row), below = from.Slice((y + 1) * row, row);
            Span<byte> line = to.Slice(y * row, row);
            for (int i = 4; i < row - 4; i++)
            {
                int sum = above[i - 4] + above[i] + above[i + 4] + here[i - 4] + 5 * here[i] + here[i + 4] + below[i - 4] + below[i] + below[i + 4];
                line[i] = Mix((2 * sum + 13) / 26, here[i], f);
            }
        }
    }

    delegate byte Poorer(ReadOnlySpan<byte> bytes, int pixel, byte mean);

    static void Blend(Bitmap picture, double factor, Poorer poorer, byte mean = 0)
    {
        float f = (float)factor;
        if (f == 1) return;
        Span<byte> bytes = picture.Bytes;
        for (int i = 0; i <= bytes.Length - 4; i += 4)
        {
            byte b = poorer(bytes, i, mean);
            for (int c = i; c < i + 3; c++) bytes[c] = Mix(b, bytes[c], f);
        }
    }

    static byte Mix(int poorer, int value, float factor) => (byte)Math.Clamp(poorer + factor * (value - poorer), 0, 255);
}
