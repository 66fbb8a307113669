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
        fixed (uint* source = from.Pixels, target = to.Pixels)
            for (int y = 0; y < h; y++)
                for (int x = 0; x < w; x++)
                {
                    double px = A * (x + 0.5) + B * (y + 0.5) + C, py = D * (x + 0.5) + E * (y + 0.5) + F;
                    target[y * w + x] = !(px >= 0 && px < w && py >= 0 && py < h) ? fill
                        : filter == PictureFilter.Bicubic ? Bicubic(source, h, w, px - 0.5, py - 0.5) : Bilinear(source, h, w, px - 0.5, py - 0.5);
                }
    }

    static unsafe uint Bilinear(uint* source, int h, int w, double px, double py)
    {
        int x = (int)Math.Floor(px), y = (int)Math.Floor(py);
        Vector256<double> dx = Vector256.Create(px - x), dy = Vector256.Create(py - y);
        int left = Math.Max(x, 0), right = Math.Min(x + 1, w - 1);
        uint* above = source + Math.Max(y, 0) * w;
        Vector256<double> first = Line(above), second = y + 1 < h ? Line(source + (y + 1) * w) : first;
        return Pack(first + (second - first) * dy);

        Vector256<double> Line(uint* row)
        {
            Vector256<double> a = Channels(row[left]), b = Channels(row[right]);
            return a + (b - a) * dx;
        }
    }

    static unsafe uint Bicubic(uint* source, int h, int w, double px, double py)
    {
        int x = (int)Math.Floor(px), y = (int)Math.Floor(py);
        Vector256<double> dx = Vector256.Create(px - x), dy = Vector256.Create(py - y);
        int x0 = Math.Max(x - 1, 0), x1 = Math.Max(x, 0), x2 = Math.Min(x + 1, w - 1), x3 = Math.Min(x + 2, w - 1);
        Vector256<double> a = Line(source + Math.Max(y - 1, 0) * w), b = y >= 0 ? Line(source + y * w) : a, c = y + 1 < h ? Line(source + (y + 1) * w) : b, d = y + 2 < h ? Line(source + (y + 2) * w) : c;
        return Pack(Cubic(a, b, c, d, dy));

        Vector256<double> Line(uint* row) => Cubic(Channels(row[x0]), Channels(row[x1]), Channels(row[x2]), Channels(row[x3]), dx);
    }

    /// <summary>Through b and c at t = 0 and 1: cubic convolution with a = −1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<double> Cubic(Vector256<double> a, Vector256<double> b, Vector256<double> c, Vector256<double> d, Vector256<double> t)
    {
        Vector256<double> slope = c - a, bend = Vector256.Create(2.0) * (a - b) + c - d, end = b - a - c + d;
        return b + t * (slope + t * (bend + t * end));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<double> Channels(uint pixel)
    {
        Vector128<int> wide = Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalar(pixel).AsByte())).AsInt32();
        if (Avx.IsSupported) return Avx.ConvertToVector256Double(wide);
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
