using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MiniTorch.Models;

/// <summary>How values between pixels are found.</summary>
public enum PictureFilter
{
    /// <summary>Cubic convolution with a = −1/2.</summary>
    Bicubic,

    /// <summary>Linear along each axis.</summary>
    Bilinear,

    /// <summary>One of the two by chance, for each picture and each operation; for training only.</summary>
    Random,
}

/// <summary>
/// Scales pictures as PIL's resize does, to the last bit: columns first, then rows, each a weighted sum of 8-bit values with weights in 22-bit fixed point, rounded to 8 bits after each.
/// Scaling down widens the filter by the ratio, so that nothing is skipped.
/// </summary>
sealed class Scaling
{
    const int Precision = 22, Half = 1 << (Precision - 1);

    readonly Bitmap between = new();
    readonly Taps columns = new(), rows = new();

    /// <summary>
    /// Scales the part of a picture at (x, y) of size w × h, as if it had been cut out before, to <paramref name="height"/> × <paramref name="width"/>. Of the result only a window, which begins at
    /// (<paramref name="left"/>, <paramref name="top"/>), is computed: as large as <paramref name="to"/> is.
    /// </summary>
    internal void Scale(Bitmap from, (int X, int Y, int W, int H) part, int height, int width, PictureFilter filter, Bitmap to, int left = 0, int top = 0)
    {
        columns.Set(part.W, width, left, to.Width, filter);
        rows.Set(part.H, height, top, to.Height, filter);
        (int first, int count) = rows.Reach;
        between.Resize(count, to.Width);
        for (int y = 0; y < count; y += 2)
            Columns(from, part.X, part.Y + first + y, Math.Min(2, count - y), y);
        for (int y = 0; y < to.Height; y++) Rows(to.Row(y), y, first);
    }

    /// <summary>One or two rows of the source to as many of the middle picture: together they share the reading of weights.</summary>
    unsafe void Columns(Bitmap from, int left, int top, int count, int toRow)
    {
        fixed (uint* source = from.Pixels, target = between.Pixels)
        fixed (int* weights = columns.Weights, starts = columns.Starts)
        {
            uint* a = source + (long)top * from.Width + left, b = count == 2 ? a + from.Width : a, toA = target + (long)toRow * between.Width, toB = count == 2 ? toA + between.Width : toA;
            if (columns.IsIdentity)
            {
                new Span<uint>(a + starts[0], between.Width).CopyTo(new(toA, between.Width));
                new Span<uint>(b + starts[0], between.Width).CopyTo(new(toB, between.Width));
                return;
            }
            int taps = columns.Count, pairs = taps / 2;
            for (int x = 0; x < between.Width; x++)
            {
                uint* pa = a + starts[x], pb = b + starts[x];
                int* w = weights + (long)x * taps;
                Vector256<int> sumA = Vector256.Create(Vector128.Create(Half), Vector128<int>.Zero), sumB = sumA;
                for (int k = 0; k < pairs; k++)
                {
                    Vector256<int> both = Vector256.Create(Vector128.Create(w[2 * k]), Vector128.Create(w[2 * k + 1]));
                    sumA += Pair(pa + 2 * k) * both;
                    sumB += Pair(pb + 2 * k) * both;
                }
                Vector128<int> restA = sumA.GetLower() + sumA.GetUpper(), restB = sumB.GetLower() + sumB.GetUpper();
                if ((taps & 1) != 0)
                {
                    Vector128<int> last = Vector128.Create(w[taps - 1]);
                    restA += One(pa + taps - 1) * last;
                    restB += One(pb + taps - 1) * last;
                }
                toA[x] = Pack(restA);
                toB[x] = Pack(restB);
            }
        }
    }

    unsafe void Rows(Span<uint> to, int y, int first)
    {
        int width = to.Length, taps = rows.Count, x = 0;
        fixed (uint* target = to, source = between.Row(rows.Starts[y] - first))
        fixed (int* w = &rows.Weights[y * taps])
        {
            if (rows.IsIdentity)
            {
                new Span<uint>(source, width).CopyTo(to);
                return;
            }
            for (; x <= width - 4; x += 4)
            {
                Vector256<int> a = Vector256.Create(Half), b = a;
                uint* p = source + x;
                for (int k = 0; k < taps; k++, p += width)
                {
                    Vector256<int> weight = Vector256.Create(w[k]);
                    a += Pair(p) * weight;
                    b += Pair(p + 2) * weight;
                }
                Pack(a, b).Store((byte*)(target + x));
            }
            for (; x < width; x++)
            {
                Vector128<int> sum = Vector128.Create(Half);
                for (int k = 0; k < taps; k++) sum += One(source + (long)k * width + x) * Vector128.Create(w[k]);
                target[x] = Pack(sum);
            }
        }
    }

    /// <summary>The eight bytes of two pixels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static unsafe Vector256<int> Pair(uint* pixels) => Avx2.IsSupported ? Avx2.ConvertToVector256Int32((byte*)pixels) : Vector256.Create(One(pixels), One(pixels + 1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static unsafe Vector128<int> One(uint* pixel) => Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalar(*pixel).AsByte())).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static uint Pack(Vector128<int> sum) => Pack(sum, sum, sum, sum).AsUInt32().ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<byte> Pack(Vector256<int> a, Vector256<int> b) => Pack(a.GetLower(), a.GetUpper(), b.GetLower(), b.GetUpper());

    /// <summary>Fixed point to bytes, cut off at 0 and 255.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<byte> Pack(Vector128<int> a, Vector128<int> b, Vector128<int> c, Vector128<int> d)
    {
        Vector128<short> low = Vector128.NarrowWithSaturation(a >> Precision, b >> Precision), high = Vector128.NarrowWithSaturation(c >> Precision, d >> Precision);
        if (Sse2.IsSupported) return Sse2.PackUnsignedSaturate(low, high);
        Vector128<short> most = Vector128.Create((short)255);
        return Vector128.Narrow(Vector128.Min(Vector128.Max(low, Vector128<short>.Zero), most).AsUInt16(), Vector128.Min(Vector128.Max(high, Vector128<short>.Zero), most).AsUInt16());
    }

    /// <summary>Along one axis: for each place of the window where its inputs begin and what they weigh, all padded to the same count.</summary>
    sealed class Taps
    {
        double[] exact = [];

        /// <summary>Weights in fixed point, [places, Count].</summary>
        internal int[] Weights = [];

        /// <summary>First input of each place.</summary>
        internal int[] Starts = [];

        /// <summary>Inputs of a place.</summary>
        internal int Count;

        int places, inputs;

        /// <summary>True if each place is the input under it.</summary>
        internal bool IsIdentity { get; private set; }

        /// <summary>First input of the first place, and how many there are from there to the last of the last.</summary>
        internal (int First, int Count) Reach => (Starts[0], Math.Min(inputs, Starts[places - 1] + Count) - Starts[0]);

        /// <summary>Weight i of the place at c = (x + ½) · from/to is f((i + ½ − c) / s), s = max(1, from/to), over the inputs no farther than the filter's reach, divided by their sum.</summary>
        internal void Set(int from, int to, int first, int count, PictureFilter filter)
        {
            (places, inputs, IsIdentity) = (count, from, from == to);
            double ratio = (double)from / to, widening = Math.Max(ratio, 1), reach = (filter == PictureFilter.Bicubic ? 2 : 1) * widening, inverse = 1 / widening;
            Count = IsIdentity ? 1 : Math.Min(from, (int)Math.Ceiling(reach) * 2 + 1);
            if (Starts.Length < places) Starts = new int[places];
            if (Weights.Length < places * Count) Weights = new int[places * Count];
            if (exact.Length < Count) exact = new double[Count];
            for (int x = 0; x < places; x++)
            {
                Span<int> weights = Weights.AsSpan(x * Count, Count);
                if (IsIdentity)
                {
                    Starts[x] = first + x;
                    continue;
                }
                double centre = (first + x + 0.5) * ratio, sum = 0;
                int begin = Math.Max(0, (int)(centre - reach + 0.5)), taps = Math.Min(from, (int)(centre + reach + 0.5)) - begin;
                for (int i = 0; i < taps; i++)
                {
                    double distance = (i + begin - centre + 0.5) * inverse;
                    sum += exact[i] = filter == PictureFilter.Bicubic ? Cubic(distance) : Math.Max(0, 1 - Math.Abs(distance));
                }
                Starts[x] = Math.Min(begin, from - Count);          // padded in front where the end is near, so that no place reads beyond it
                int padding = begin - Starts[x];
                weights.Clear();
                for (int i = 0; i < taps; i++)
                {
                    double weight = exact[i] / sum * (1 << Precision);
                    weights[padding + i] = (int)(weight < 0 ? weight - 0.5 : weight + 0.5);
                }
            }
        }

        /// <summary>(a + 2)|x|³ − (a + 3)x² + 1 up to 1, a(|x|³ − 5x² + 8|x| − 4) up to 2, a = −1/2.</summary>
        static double Cubic(double x)
        {
            const double A = -0.5;
            x = Math.Abs(x);
            return x < 1 ? ((A + 2) * x - (A + 3)) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * A : 0;
        }
    }
}
