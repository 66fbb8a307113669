using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MiniTorch.Models;

/// <summary>
/// Colour, contrast, brightness and sharpness as PIL's ImageEnhance has them: b + f (v − b) in single precision, cut off to 8 bits, v the picture's value and b that of a poorer picture; f = 0 gives
/// the poorer one, 1 the picture itself. The four bytes of a pixel are done at once.
/// </summary>
static class Enhancing
{
    /// <summary>Against its grey.</summary>
    internal static void Color(Bitmap picture, double factor)
    {
        float f = (float)factor;
        foreach (ref uint pixel in picture.Pixels) pixel = Mix(Vector128.Create((int)Grey(pixel)), Wide(pixel), f);
    }

    /// <summary>Against the rounded mean of its grey.</summary>
    internal static void Contrast(Bitmap picture, double factor)
    {
        long sum = 0;
        foreach (uint pixel in picture.Pixels) sum += Grey(pixel);
        Toward(picture, (int)((double)sum / picture.Pixels.Length + 0.5), factor);
    }

    /// <summary>Against black.</summary>
    internal static void Brightness(Bitmap picture, double factor) => Toward(picture, 0, factor);

    /// <summary>Against a picture smoothed by the weights 1 1 1, 1 5 1, 1 1 1 over 13, rounded; the outermost pixels stay.</summary>
    internal static void Sharpness(Bitmap picture, Bitmap scratch, double factor)
    {
        float f = (float)factor;
        scratch.CopyFrom(picture);
        for (int y = 1; y < picture.Height - 1; y++)
        {
            ReadOnlySpan<uint> above = scratch.Row(y - 1), here = scratch.Row(y), below = scratch.Row(y + 1);
            Span<uint> to = picture.Row(y);
            for (int x = 1; x < to.Length - 1; x++)
            {
                Vector128<int> own = Wide(here[x]);
                Vector128<int> sum = Wide(above[x - 1]) + Wide(above[x]) + Wide(above[x + 1]) + Wide(here[x - 1]) + own + Wide(here[x + 1]) + Wide(below[x - 1]) + Wide(below[x]) + Wide(below[x + 1]) + (own << 2);
                // (sum + 13/2) / 13, whose fraction is never closer to a whole number than 1/26: single precision cuts it off right.
                Vector128<float> rounded = Vector128.ConvertToSingle((sum << 1) + Vector128.Create(13)) * Vector128.Create(1 / 26f);
                to[x] = Mix(Vector128.ConvertToInt32(rounded), own, f);
            }
        }
    }

    static void Toward(Bitmap picture, int value, double factor)
    {
        float f = (float)factor;
        Vector128<int> poorer = Vector128.Create(value);
        foreach (ref uint pixel in picture.Pixels) pixel = Mix(poorer, Wide(pixel), f);
    }

    static byte Grey(uint pixel) => Bitmap.Grey((byte)pixel, (byte)(pixel >> 8), (byte)(pixel >> 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<int> Wide(uint pixel) => Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(pixel).AsByte())).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static uint Mix(Vector128<int> poorer, Vector128<int> value, float factor)
    {
        Vector128<float> mixed = Vector128.ConvertToSingle(poorer) + Vector128.Create(factor) * Vector128.ConvertToSingle(value - poorer);
        Vector128<int> whole = Vector128.ConvertToInt32(Vector128.Min(Vector128.Max(mixed, Vector128<float>.Zero), Vector128.Create(255f)));
        Vector128<short> half = Vector128.Narrow(whole, whole);
        return Vector128.Narrow(half.AsUInt16(), half.AsUInt16()).AsUInt32().ToScalar();
    }
}
