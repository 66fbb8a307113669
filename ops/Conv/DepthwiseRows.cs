using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>
/// Depthwise convolution with stride and dilation 1 by a Fourier transform along W and a direct sum along H. The kernel is real, so two strips of rows, of two images or
/// of one, travel as one complex signal. Transforms of length In + padding suffice, since the lags that alias are never asked for. A product of complex numbers takes
/// three real ones: with (a + bi)(c + di) and p = c(a + b) it is p − b(c + d) + (p + a(d − c))i, and each of the three is a sum over rows of its own (<see cref="Fir"/>).
/// </summary>
/// <remarks>
/// Strips that share a signal round each other: their largest elements are kept within a factor of <see cref="MostDisparity"/>. What is not finite spreads
/// along rows and to the partner; then the direct form computes all of it again.
/// </remarks>
static unsafe partial class DepthwiseRows
{
    const int PlaneBytes = 512 << 10;           // of spectra of one item: the second-level cache
    const int FewestItems = 12;
    const int MostCopies = 2;                   // of a kernel's spectra
    const double MostDisparity = 8;
    const double PassCost = 5, PointCost = 5, CallCost = 25, WideRegisters = 1.35, NarrowRegisters = 1.45, GradientShare = 0.75;     // measured
    const double MostExponent = 125;            // of a factor, so that it and one over it are normal numbers

    /// <summary>Rows [Row, Row + rows of the plan) of an image; an image below 0 is none.</summary>
    readonly record struct Strip(int Image, int Row);

    /// <summary>Two strips in one signal, and the range of the rows under them, counted from the first row that the strips' windows see, of which one has some inside.</summary>
    readonly record struct Pair(Strip A, Strip B, int Begin, int End);

    /// <summary>
    /// Parts of the images are what threads begin with. Work is the kernel's spectra, for each part anew, since cores far from each other would wait longer for them than it takes to transform them, or what
    /// the parts give to the gradient of the kernel.
    /// </summary>
    readonly record struct Plan(DepthwiseArgs Args, Dft Dft, int Rows, int Parts, Pointer Work, Pointer Fault)
    {
        internal Windows Windows => Args.Windows;
        internal int Images => Windows.Batch * Windows.D.In;
        internal int Strips => (Windows.H.Out + Rows - 1) / Rows;
        internal int Pairs => (Images * Strips + 1) / 2;
        internal int Tile => Fir.Tile(Rows);
        internal int KernelTile => Fir.Tile(Windows.H.Kernel);

        /// <summary>Lags w − tap of the output w of the taps that ever meet an input, and their place on the circle.</summary>
        internal int FirstLag => Math.Max(Windows.W.Padding - Windows.W.Kernel + 1, 1 - Windows.W.In);
        internal int LastLag => Math.Min(Windows.W.Padding, Windows.W.Out - 1);

        /// <summary>Elements of the spectra of the kernels of so many channels, whole registers of them.</summary>
        internal long Spectra(int channels) => 3L * channels * Dft.Length * Windows.H.Kernel;

        internal Pair Pair(int i)
        {
            Strip a = At(2 * i), b = At(2 * i + 1);
            Axis h = Windows.H;
            int begin = h.Padding - a.Row, end = h.In + h.Padding - a.Row;
            if (b.Image >= 0) (begin, end) = (Math.Min(begin, h.Padding - b.Row), Math.Max(end, h.In + h.Padding - b.Row));
            return new(a, b, Math.Max(0, begin), Math.Min(Rows + h.Kernel - 1, end));
        }

        Strip At(int i) => i < Images * Strips ? new(i / Strips, i % Strips * Rows) : new(-1, 0);
    }

    static Plan Prepare(in DepthwiseArgs args)
    {
        Plan plan = new(args, default, 1, 1, default, default);
        (Axis w, Axis h) = (args.Windows.W, args.Windows.H);
        int points = Dft.Fit(Math.Max(w.In + Math.Max(0, plan.LastLag), w.Out - Math.Min(0, plan.FirstLag)));
        int most = Math.Max(h.Kernel, PlaneBytes / (2 * CacheLine.Bytes * points) - h.Kernel + 1), strips = (h.Out + most - 1) / most;
        if (plan.Images == 1 && strips % 2 == 1 && h.Out > strips) strips++;
        return plan with { Dft = Dft.OfLength(points), Rows = (h.Out + strips - 1) / Math.Max(1, strips) };
    }

    /// <summary>Multiply-adds for a register of channels of all images, or what takes as long.</summary>
    internal static double Cost(Windows windows, int registerBytes)
    {
        Plan plan = Prepare(new(default, default, default, default, windows, 1));
        if (plan.Pairs == 0 || plan.Rows == 0) return 0;
        (int points, int high, int tile) = (plan.Dft.Length, windows.H.Kernel, plan.Tile);
        double seen = (double)windows.H.Meetings / windows.H.Out, transform = points * (PassCost * plan.Dft.Passes + PointCost);
        double rows = plan.Rows + Math.Min(plan.Rows + high - 1, windows.H.In), columns = PointCost * rows + 3 * Workers.Blocks(plan.Rows, tile) * (tile * seen + CallCost);
        return (registerBytes < CacheLine.Bytes ? NarrowRegisters : WideRegisters) * (plan.Pairs * (rows * transform + points * columns) + high * (transform + points * PointCost));
    }

    /// <summary>The same for the gradient of the kernel, beside which the direct form's takes longer than its convolution: no spectrum of an image is transformed back.</summary>
    internal static double GradientCost(Windows windows, int registerBytes) => GradientShare * Cost(windows, registerBytes);

    /// <summary>Writes y.</summary>
    internal static void Forward<T, V>(CpuDevice device, in DepthwiseArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        Plan plan = Prepare(args);
        int registers = Workers.Blocks(args.Windows.Channels, V.Count), points = plan.Dft.Length, fault = 0, parts = Math.Clamp(plan.Pairs, 1, Math.Min(MostCopies, device.Workers.Threads));
        long spectra = parts * plan.Spectra(registers * V.Count);
        using Scratch scratch = device.Scratch((spectra + Dft.RootElements(points)) * sizeof(T));
        plan = plan with { Dft = Dft.OfLength(points, scratch.As<T>() + spectra), Parts = parts, Work = Pointer.At(scratch.As<T>()), Fault = Pointer.At(&fault) };
        device.Workers.For(parts * registers, plan, &PackKernel<T, V>);
        device.Workers.For(plan.Pairs * Workers.Blocks(args.Windows.Channels, CacheLine.Of<T>()), plan, &Convolve<T, V>);
        if (fault != 0) DepthwiseDirect.Forward<T, V>(device, args);
    }

    /// <summary>The spectra, for one part, of the kernels of one register of channels, [frequency, (c, d − c, −c − d), kernel row].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void PackKernel<T, V>(in Plan plan, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (Axis h, Axis w, int channels, int points) = (plan.Windows.H, plan.Windows.W, plan.Windows.Channels, plan.Dft.Length);
        int c = item % Workers.Blocks(channels, V.Count) * V.Count, lanes = Math.Min(V.Count, channels - c), taps = h.Kernel * w.Kernel;
        T* row = Workers.Local<T>(2L * points * V.Count), to = plan.Work.As<T>() + item * plan.Spectra(V.Count);
        V scale = V.Of(1.0 / points);
        for (int i = 0; i < h.Kernel; i++)
        {
            new Span<T>(row, 2 * points * V.Count).Clear();
            for (int lag = plan.FirstLag; lag <= plan.LastLag; lag++)
            {
                int tap = i * w.Kernel + w.Padding - lag;
                T* from = plan.Args.Weight.As<T>() + (long)(plan.Args.Reversed ? taps - 1 - tap : tap) * channels + c;
                (Lanes.Read<V, T>(from, lanes) * scale).Store(row + (lag < 0 ? lag + points : lag) * 2 * V.Count);
            }
            plan.Dft.Forward<T, V, Points<T, V>>(new(row), row, null);
            for (int f = 0; f < points; f++)
            {
                V re = V.Load(row + 2 * f * V.Count), im = V.Load(row + (2 * f + 1) * V.Count);
                T* at = to + (3L * f * h.Kernel + i) * V.Count;
                re.Store(at);
                (im - re).Store(at + h.Kernel * V.Count);
                (-(re + im)).Store(at + 2 * h.Kernel * V.Count);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Convolve<T, V>(in Plan plan, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (Axis h, Axis w, int channels, int points, int tile) = (plan.Windows.H, plan.Windows.W, plan.Windows.Channels, plan.Dft.Length, plan.Tile);
        int lines = Workers.Blocks(channels, CacheLine.Of<T>());
        Pair pair = plan.Pair(item / lines);
        T* spectra = plan.Work.As<T>() + item / lines * plan.Parts / plan.Pairs * plan.Spectra(Workers.Blocks(channels, V.Count) * V.Count);
        (int c0, int c1) = Workers.Range(item % lines, channels, CacheLine.Of<T>());
        int outputs = Workers.Blocks(plan.Rows, tile) * tile, column = outputs + h.Kernel - 1;
        nint point = 2 * V.Count, row = (points + 1) * point;       // one point more, or the rows of a column would share their place in the cache
        nint plane = Math.Max(outputs, pair.End - pair.Begin) * row, strip = column * V.Count;
        int registers = Workers.Blocks(c1 - c0, V.Count);
        T* planes = Workers.Local<T>(registers * plane + 3 * strip + V.Count), columns = planes + registers * plane, nowhere = columns + 3 * strip;
        T* rescale = stackalloc T[2 * registers * V.Count];
        bool* apart = stackalloc bool[registers];
        new Span<T>(columns, (int)(3 * strip)).Clear();
        for (int g = 0; g < registers; g++)
        {
            int c = c0 + g * V.Count, lanes = Math.Min(V.Count, c1 - c);
            T* z = planes + g * plane, kernel = spectra + plan.Spectra(c);
            apart[g] = Read<T, V>(plan, pair, c, lanes, z, row, rescale + 2 * g * V.Count);
            for (int f = 0; f < points; f++, kernel += 3 * h.Kernel * V.Count, z += point)
            {
                Gather<T, V>(z, row, pair.End - pair.Begin, columns + pair.Begin * V.Count, strip);
                Filter<T, V>(plan, pair, tile, kernel, columns, strip, z, row);
            }
        }
        V odd = V.Of(0);
        bool stream = plan.Args.Streams<T, V>();
        for (int o = 0; o < plan.Rows; o++)
        {
            T* a = Result<T>(plan, pair.A, o), b = Result<T>(plan, pair.B, o);
            for (int g = 0; g < registers; g++)
            {
                int c = c0 + g * V.Count, lanes = Math.Min(V.Count, c1 - c);
                T* z = planes + g * plane + o * row, toA = a == null ? nowhere : a + c, toB = b == null ? nowhere : b + c;
                nint stepA = a == null ? 0 : channels, stepB = b == null ? 0 : channels;
                V bias = plan.Args.Bias.IsNull ? V.Of(0) : Lanes.Read<V, T>(plan.Args.Bias.As<T>() + c, lanes);
                Upcoming<T> linesA = new(Pointer.At(toA), stepA, stream ? 0 : w.Out), linesB = new(Pointer.At(toB), stepB, stream ? 0 : w.Out);
                if (lanes == V.Count && !apart[g]) plan.Dft.Inverse<T, V, Strips<T, V, Unwatched>>(z, new(toA, stepA, toB, stepB, w.Out, bias, stream), linesA, linesB);
                else
                {
                    V backA = V.Load(rescale + 2 * g * V.Count), backB = V.Load(rescale + (2 * g + 1) * V.Count);
                    plan.Dft.Inverse<T, V, AnyStrips<T, V, Unwatched>>(z, new(toA, stepA, toB, stepB, w.Out, lanes, backA, backB, bias), linesA, linesB);
                }
                V first = Lanes.Read<V, T>(toA, lanes), second = Lanes.Read<V, T>(toB, lanes);
                odd += first - first + (second - second);
            }
        }
        if (!T.IsFinite(odd.Sum())) *plan.Fault.As<int>() = 1;
    }

    /// <summary>One column of spectra as three strips: sum, real and imaginary parts.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Gather<T, V>(T* z, nint row, int rows, T* to, nint strip) where T : unmanaged where V : struct, ILanes<V, T>
    {
        for (; rows > 0; rows--, z += row, to += V.Count)
        {
            V re = V.Load(z), im = V.Load(z + V.Count);
            (re + im).Store(to);
            re.Store(to + strip);
            im.Store(to + 2 * strip);
        }
    }

    /// <summary>A column's sums over kernel rows, written to the column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Filter<T, V>(in Plan plan, Pair pair, int tile, T* kernel, T* columns, nint strip, T* z, nint row) where T : unmanaged where V : struct, ILanes<V, T>
    {
        T* sums = stackalloc T[Fir.Largest * V.Count];
        int high = plan.Windows.H.Kernel;
        for (int o = 0; o < plan.Rows; o += tile, z += tile * row)
        {
            int begin = Math.Max(0, pair.Begin - o - tile + 1), taps = Math.Max(0, Math.Min(high, pair.End - o) - begin);
            T* k = kernel + begin * V.Count, x = columns + (o + begin) * V.Count;
            Fir.Run<T, V>(tile, null, sums, V.Count, k, x, taps);
            Fir.Run<T, V>(tile, sums, z + V.Count, row, k + high * V.Count, x + strip, taps);
            Fir.Run<T, V>(tile, sums, z, row, k + 2 * high * V.Count, x + 2 * strip, taps);
        }
    }

    /// <summary>
    /// The spectra of the rows under a pair. A strip much smaller than its partner is enlarged; then the result is true, and the factors that give the two results
    /// their size back are at <paramref name="rescale"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static bool Read<T, V>(in Plan plan, Pair pair, int c, int lanes, T* plane, nint row, T* rescale) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (Axis h, Axis w) = (plan.Windows.H, plan.Windows.W);
        V one = V.Of(1), zero = V.Of(0), backA = one, backB = one;
        T* most = stackalloc T[2 * V.Count];
        zero.Store(most);
        zero.Store(most + V.Count);
        Rows rows = new(plan.Args.X, h.In, w.In, -h.Padding, pair.Begin, pair.End);
        Transform<T, V, Watched>(plan, pair, rows, c, lanes, null, plane, row, most);
        V mostA = V.Load(most), mostB = V.Load(most + V.Count), few = V.Of(1 / MostDisparity);
        V differs = V.Select(V.Greater(few * mostA, mostB), one, zero) + V.Select(V.Greater(few * mostB, mostA), one, zero);
        bool apart = pair.B.Image >= 0 && differs.Sum() > T.Zero;
        if (apart)
        {
            V largest = V.Of(MostExponent), powerA = V.PowerOfTwo(V.Max(-largest, V.Min(largest, -V.Exponent(mostA))));
            V powerB = V.PowerOfTwo(V.Max(-largest, V.Min(largest, -V.Exponent(mostB))));
            (backA, backB) = (V.Select(V.Equal(mostA, zero), zero, one / powerA), V.Select(V.Equal(mostB, zero), zero, one / powerB));
            powerA.Store(rescale);
            powerB.Store(rescale + V.Count);
            Transform<T, V, Unwatched>(plan, pair, rows, c, lanes, rescale, plane, row, null);
        }
        backA.Store(rescale);
        backB.Store(rescale + V.Count);
        return apart;
    }

    /// <summary>Rows [Begin, End) under a pair of strips; Top is the image row of row 0 of a strip at row 0.</summary>
    readonly record struct Rows(Pointer Images, int High, int Wide, int Top, int Begin, int End)
    {
        /// <summary>A row of a strip, or a place of zeros, read again and again, where there is none.</summary>
        internal unsafe T* Of<T>(Strip strip, int r, int channels, int c, T* nothing, out nint step) where T : unmanaged
        {
            int y = strip.Row + r + Top;
            bool inside = strip.Image >= 0 && (uint)y < (uint)High && r < End;
            step = inside ? channels : 0;
            return inside ? Images.As<T>() + ((long)strip.Image * High + y) * Wide * channels + c : nothing;
        }
    }

    /// <summary>The spectra of rows, times a factor for each strip if there are any; their largest elements go to <paramref name="most"/> if they are watched.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Transform<T, V, W>(in Plan plan, Pair pair, Rows rows, int c, int lanes, T* factors, T* plane, nint row, T* most)
        where T : unmanaged where V : struct, ILanes<V, T> where W : struct, IWatch
    {
        T* nothing = stackalloc T[V.Count];
        V.Of(0).Store(nothing);
        int channels = plan.Windows.Channels, wide = rows.Wide;
        T* a = rows.Of(pair.A, rows.Begin, channels, c, nothing, out nint stepA), b = rows.Of(pair.B, rows.Begin, channels, c, nothing, out nint stepB);
        for (int r = rows.Begin; r < rows.End; r++, plane += row)
        {
            T* nextA = rows.Of(pair.A, r + 1, channels, c, nothing, out nint thenA), nextB = rows.Of(pair.B, r + 1, channels, c, nothing, out nint thenB);
            Upcoming<T> aheadA = new(Pointer.At(nextA), thenA, wide), aheadB = new(Pointer.At(nextB), thenB, wide);
            if (lanes == V.Count && factors == null) plan.Dft.Forward<T, V, Strips<T, V, W>>(new(a, stepA, b, stepB, wide, default), plane, most, aheadA, aheadB);
            else
            {
                V factorA = factors == null ? V.Of(1) : V.Load(factors), factorB = factors == null ? V.Of(1) : V.Load(factors + V.Count);
                plan.Dft.Forward<T, V, AnyStrips<T, V, W>>(new(a, stepA, b, stepB, wide, lanes, factorA, factorB, default), plane, most, aheadA, aheadB);
            }
            a = nextA;
            b = nextB;
            (stepA, stepB) = (thenA, thenB);
        }
    }

    /// <summary>A row of one strip's results; null where there is none.</summary>
    static T* Result<T>(in Plan plan, Strip strip, int o) where T : unmanaged
    {
        (Axis h, Axis w, int channels) = (plan.Windows.H, plan.Windows.W, plan.Windows.Channels);
        return strip.Image < 0 || strip.Row + o >= h.Out ? null : plan.Args.Y.As<T>() + ((long)strip.Image * h.Out + strip.Row + o) * w.Out * channels;
    }
}
