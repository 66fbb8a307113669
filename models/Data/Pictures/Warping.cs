using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MiniTorch.Models;

/// <summary>
/// Moves the pixels of a picture as PIL's transform and rotate do, to the last bit: the result at a pixel's centre (x, y) is the source at (a x + b y + c, d x + e y + f), interpolated in double
/// precision and cut off to 8 bits; where that lies outside, it is a given colour.
/// </summary>
/// <param name="A">Share of x in the source's x.</param>
/// <param name="B">Share of y in the source's x.</param>
/// <param name="C">Shift of the source's x.</param>
/// <param name="D">Share of x in the source's y.</param>
/// <param name="E">Share of y in the source's y.</param>
/// <param name="F">Shift of the source's y.</param>
readonly record struct Warping(double A, double B, double C, double D, double E, double F)
{
    /// <summary>Around the picture's centre, counter-clockwise; the numbers are rounded as PIL rounds them.</summary>
    internal static Warping Rotation(double degrees, int height, int width)
    {
        degrees %= 360;
        double angle = -(degrees < 0 ? degrees + 360 : degrees) * (Math.PI / 180);
        double cosine = Math.Round(Math.Cos(angle), 15), sine = Math.Round(Math.Sin(angle), 15), x = width / 2.0, y = height / 2.0;
        return new(cosine, sine, cosine * -x + sine * -y + x, -sine, cosine, -sine * -x + cosine * -y + y);
    }

    /// <summary>Rows move along x, the farther down the more.</summary>
    internal static Warping ShearX(double factor) => new(1, factor, 0, 0, 1, 0);

    /// <summary>Columns move along y, the farther right the more.</summary>
    internal static Warping ShearY(double factor) => new(1, 0, 0, factor, 1, 0);

    /// <summary>Moves the picture left and up.</summary>
    internal static Warping Shift(double x, double y) => new(1, 0, x, 0, 1, y);

    internal unsafe void Apply(Bitmap from, Bitmap to, PictureFilter filter, uint fill)
    {
        to.Resize(from.Height, from.Width);
        (int h, int w) = (from.Height, from.Width);
        bool cubic = filter == PictureFilter.Bicubic;
        fixed (uint* source = from.Pixels, target = to.Pixels)
            for (int y = 0; y < h; y++)
                for (int x = 0; x < w; x++)
                {
                    double px = A * (x + 0.5) + B * (y + 0.5) + C, py = D * (x + 0.5) + E * (y + 0.5) + F;
                    target[y * w + x] = !(px >= 0 && px < w && py >= 0 && py < h) ? fill : cubic ? Bicubic(source, h, w, px - 0.5, py - 0.5) : Bilinear(source, h, w, px - 0.5, py - 0.5);
                }
    }

    static unsafe uint Bilinear(uint* source, int h, int w, double px, double py)
    {
        (int x, int y) = ((int)Math.Floor(px), (int)Math.Floor(py));
        Vector256<double> dx = Vector256.Create(px - x);
        int left = Math.Max(x, 0), right = Math.Min(x + 1, w - 1);
        uint* row = source + Math.Max(y, 0) * w;
        Vector256<double> first = Between(Channels(row[left]), Channels(row[right]), dx), second = first;
        if (y + 1 < h)
        {
            row = source + (y + 1) * w;
            second = Between(Channels(row[left]), Channels(row[right]), dx);
        }
        return Pack(Between(first, second, Vector256.Create(py - y)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<double> Between(Vector256<double> a, Vector256<double> b, Vector256<double> t) => a + (b - a) * t;

    static unsafe uint Bicubic(uint* source, int h, int w, double px, double py)
    {
        (int x, int y) = ((int)Math.Floor(px), (int)Math.Floor(py));
        Vector256<double> dx = Vector256.Create(px - x), dy = Vector256.Create(py - y), a, b, c, d;
        if (x >= 1 && y >= 1 && x + 2 < w && y + 2 < h)
        {
            uint* corner = source + (y - 1) * w + x - 1;
            a = Line(corner, dx);
            b = Line(corner + w, dx);
            c = Line(corner + 2 * w, dx);
            d = Line(corner + 3 * w, dx);
        }
        else
        {
            uint* four = stackalloc uint[4];
            a = Line(Clamped(four, source + Math.Max(y - 1, 0) * w, x, w), dx);
            b = y >= 0 ? Line(Clamped(four, source + y * w, x, w), dx) : a;
            c = y + 1 < h ? Line(Clamped(four, source + (y + 1) * w, x, w), dx) : b;
            d = y + 2 < h ? Line(Clamped(four, source + (y + 2) * w, x, w), dx) : c;
        }
        return Pack(Cubic(a, b, c, d, dy));
    }

    /// <summary>The pixels x − 1 to x + 2 of a row; beyond its ends the last ones.</summary>
    static unsafe uint* Clamped(uint* four, uint* row, int x, int w)
    {
        for (int i = 0; i < 4; i++) four[i] = row[Math.Clamp(x - 1 + i, 0, w - 1)];
        return four;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static unsafe Vector256<double> Line(uint* pixels, Vector256<double> t) => Cubic(Channels(pixels[0]), Channels(pixels[1]), Channels(pixels[2]), Channels(pixels[3]), t);

    /// <summary>Through b and c at t = 0 and 1: cubic convolution with a = −1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<double> Cubic(Vector256<double> a, Vector256<double> b, Vector256<double> c, Vector256<double> d, Vector256<double> t)
    {
        Vector256<double> fall = a - b, slope = c - a, bend = fall + fall + c - d, end = d - (fall + c);
        return b + t * (slope + t * (bend + t * end));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<double> Channels(uint pixel)
    {
        if (Avx.IsSupported) return Avx.ConvertToVector256Double(Sse41.ConvertToVector128Int32(Vector128.CreateScalarUnsafe(pixel).AsByte()));
        Vector128<int> wide = Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalar(pixel).AsByte())).AsInt32();
        return Vector256.ConvertToDouble(Vector256.Create(Vector128.WidenLower(wide), Vector128.WidenUpper(wide)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static uint Pack(Vector256<double> values)
    {
        Vector256<double> cut = Vector256.Min(Vector256.Max(values, Vector256<double>.Zero), Vector256.Create(255.0));
        Vector128<int> whole;
        if (Avx.IsSupported) whole = Avx.ConvertToVector128Int32WithTruncation(cut);
        else
        {
            Vector256<long> wide = Vector256.ConvertToInt64(cut);
            whole = Vector128.Narrow(wide.GetLower(), wide.GetUpper());
        }
        Vector128<short> half = Vector128.Narrow(whole, whole);
        return Vector128.Narrow(half.AsUInt16(), half.AsUInt16()).AsUInt32().ToScalar();
    }
}
