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
    const double MostDisparity = 8;
    const double PassCost = 5, PointCost = 5, CallCost = 25, WideRegisters = 1.45, NarrowRegisters = 1.6;     // measured
    const double MostExponent = 125;            // of a factor, so that it and one over it are normal numbers

    /// <summary>Rows [Row, Row + rows of the plan) of an image; an image below 0 is none.</summary>
    readonly record struct Strip(int Image, int Row);

    /// <summary>Two strips in one signal, and the range of the rows under them, counted from the first row that the strips' windows see, of which one has some inside.</summary>
    readonly record struct Pair(Strip A, Strip B, int Begin, int End);

    /// <summary>Work is the kernel's spectra, or what the parts of the images give to the gradient of the kernel.</summary>
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

    /// <summary>Writes y.</summary>
    internal static void Forward<T, V>(CpuDevice device, in DepthwiseArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        Plan plan = Prepare(args);
        int registers = Workers.Blocks(args.Windows.Channels, V.Count), points = plan.Dft.Length, fault = 0;
        long spectra = 3L * registers * points * args.Windows.H.Kernel * V.Count;
        using Scratch scratch = device.Scratch((spectra + Dft.RootElements(points)) * sizeof(T));
        plan = plan with { Dft = Dft.OfLength(points, scratch.As<T>() + spectra), Work = Pointer.At(scratch.As<T>()), Fault = Pointer.At(&fault) };
        device.Workers.For(registers, plan, &PackKernel<T, V>);
        device.Workers.For(plan.Pairs * Workers.Blocks(args.Windows.Channels, CacheLine.Of<T>()), plan, &Convolve<T, V>);
        if (fault != 0) DepthwiseDirect.Forward<T, V>(device, args);
    }

    /// <summary>The spectra of the kernels of one register of channels, [frequency, (c, d − c, −c − d), kernel row].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void PackKernel<T, V>(in Plan plan, int register) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (Axis h, Axis w, int channels, int points) = (plan.Windows.H, plan.Windows.W, plan.Windows.Channels, plan.Dft.Length);
        int c = register * V.Count, lanes = Math.Min(V.Count, channels - c), taps = h.Kernel * w.Kernel;
        T* row = Workers.Local<T>(2L * points * V.Count), to = plan.Work.As<T>() + 3L * register * points * h.Kernel * V.Count;
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
            plan.Dft.Forward<T, V>(row);
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
        (int c0, int c1) = Workers.Range(item % lines, channels, CacheLine.Of<T>());
        int outputs = Workers.Blocks(plan.Rows, tile) * tile, column = outputs + h.Kernel - 1;
        nint point = 2 * V.Count, row = (points + 1) * point;       // one point more, or the rows of a column would share their place in the cache
        nint plane = Math.Max(outputs, pair.End - pair.Begin) * row, strip = column * V.Count;
        int registers = Workers.Blocks(c1 - c0, V.Count);
        T* planes = Workers.Local<T>(registers * plane + 3 * strip), columns = planes + registers * plane, rescale = stackalloc T[2 * registers * V.Count];
        new Span<T>(columns, (int)(3 * strip)).Clear();
        for (int g = 0; g < registers; g++)
        {
            int c = c0 + g * V.Count, lanes = Math.Min(V.Count, c1 - c);
            T* z = planes + g * plane, kernel = plan.Work.As<T>() + 3L * (c / V.Count) * points * h.Kernel * V.Count;
            Read<T, V>(plan, pair, c, lanes, z, row, rescale + 2 * g * V.Count);
            for (int f = 0; f < points; f++, kernel += 3 * h.Kernel * V.Count, z += point)
            {
                Gather<T, V>(z, row, pair.End - pair.Begin, columns + pair.Begin * V.Count, strip);
                Filter<T, V>(plan, pair, tile, kernel, columns, strip, z, row);
            }
        }
        V odd = V.Of(0);
        for (int o = 0; o < plan.Rows; o++)
        {
            Upcoming<T> a = Ahead<T>(plan, pair.A, o, c0), b = Ahead<T>(plan, pair.B, o, c0);
            for (int g = 0; g < registers; g++)
            {
                int c = c0 + g * V.Count, lanes = Math.Min(V.Count, c1 - c);
                T* z = planes + g * plane + o * row;
                plan.Dft.Inverse<T, V>(z, a, b);
                odd += V.Load(z) - V.Load(z) + (V.Load(z + V.Count) - V.Load(z + V.Count));
                V bias = plan.Args.Bias.IsNull ? V.Of(0) : Lanes.Read<V, T>(plan.Args.Bias.As<T>() + c, lanes);
                Write<T, V>(plan, pair.A, o, c, lanes, z, V.Load(rescale + 2 * g * V.Count), bias);
                Write<T, V>(plan, pair.B, o, c, lanes, z + V.Count, V.Load(rescale + (2 * g + 1) * V.Count), bias);
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

    /// <summary>The spectra of the rows under a pair, and the factors that give its two results their size back: a strip much smaller than its partner is enlarged.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Read<T, V>(in Plan plan, Pair pair, int c, int lanes, T* plane, nint row, T* rescale) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (Axis h, Axis w) = (plan.Windows.H, plan.Windows.W);
        V one = V.Of(1), zero = V.Of(0), backA = one, backB = one;
        Transform<T, V>(plan, pair, plan.Args.X, h.In, w.In, -h.Padding, pair.Begin, pair.End, c, lanes, one, one, plane, row, out V mostA, out V mostB);
        V few = V.Of(1 / MostDisparity), apart = V.Select(V.Greater(few * mostA, mostB), one, zero) + V.Select(V.Greater(few * mostB, mostA), one, zero);
        if (pair.B.Image >= 0 && apart.Sum() > T.Zero)
        {
            V largest = V.Of(MostExponent), powerA = V.PowerOfTwo(V.Max(-largest, V.Min(largest, -V.Exponent(mostA))));
            V powerB = V.PowerOfTwo(V.Max(-largest, V.Min(largest, -V.Exponent(mostB))));
            (backA, backB) = (V.Select(V.Equal(mostA, zero), zero, one / powerA), V.Select(V.Equal(mostB, zero), zero, one / powerB));
            Transform<T, V>(plan, pair, plan.Args.X, h.In, w.In, -h.Padding, pair.Begin, pair.End, c, lanes, powerA, powerB, plane, row, out _, out _);
        }
        backA.Store(rescale);
        backB.Store(rescale + V.Count);
    }

    /// <summary>Rows [begin, end) of a pair, times a factor for each strip, with <paramref name="top"/> the image row of row 0 of a strip at row 0: their spectra, and their largest elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Transform<T, V>(in Plan plan, Pair pair, Pointer images, int high, int wide, int top, int begin, int end, int c, int lanes, V factorA, V factorB, T* plane, nint row,
        out V mostA, out V mostB) where T : unmanaged where V : struct, ILanes<V, T>
    {
        T* nothing = stackalloc T[V.Count];
        V.Of(0).Store(nothing);
        (V a, V b) = (V.Of(0), V.Of(0));
        int channels = plan.Windows.Channels;
        for (int r = begin; r < end; r++, plane += row)
        {
            T* fromA = Row(pair.A, r, out nint stepA), fromB = Row(pair.B, r, out nint stepB), to = plane;
            if (lanes == V.Count)
                for (int i = wide; i > 0; i--, fromA += stepA, fromB += stepB, to += 2 * V.Count)
                {
                    V left = V.Load(fromA) * factorA, right = V.Load(fromB) * factorB;
                    a = V.Max(a, V.Abs(left));
                    b = V.Max(b, V.Abs(right));
                    left.Store(to);
                    right.Store(to + V.Count);
                }
            else
                for (int i = wide; i > 0; i--, fromA += stepA, fromB += stepB, to += 2 * V.Count)
                {
                    V left = Lanes.LoadPartial<V, T>(fromA, lanes) * factorA, right = Lanes.LoadPartial<V, T>(fromB, lanes) * factorB;
                    a = V.Max(a, V.Abs(left));
                    b = V.Max(b, V.Abs(right));
                    left.Store(to);
                    right.Store(to + V.Count);
                }
            for (int i = plan.Dft.Length - wide; i > 0; i--, to += 2 * V.Count)
            {
                V.Of(0).Store(to);
                V.Of(0).Store(to + V.Count);
            }
            plan.Dft.Forward<T, V>(plane, Ahead(pair.A), Ahead(pair.B));

            Upcoming<T> Ahead(Strip strip) => r + 1 < end && Row(strip, r + 1, out nint step) is var next && step > 0 ? new(Pointer.At(next), step, wide) : default;
        }
        (mostA, mostB) = (a, b);

        T* Row(Strip strip, int r, out nint step)
        {
            int y = strip.Row + r + top;
            bool inside = strip.Image >= 0 && (uint)y < (uint)high;
            step = inside ? channels : 0;
            return inside ? images.As<T>() + ((long)strip.Image * high + y) * wide * channels + c : nothing;
        }
    }

    /// <summary>The lines that a row of one strip's results will be written to.</summary>
    static Upcoming<T> Ahead<T>(in Plan plan, Strip strip, int o, int c) where T : unmanaged
    {
        (Axis h, Axis w, int channels) = (plan.Windows.H, plan.Windows.W, plan.Windows.Channels);
        return strip.Image < 0 || strip.Row + o >= h.Out ? default
            : new(Pointer.At(plan.Args.Y.As<T>() + ((long)strip.Image * h.Out + strip.Row + o) * w.Out * channels + c), channels, w.Out);
    }

    /// <summary>A row of one strip's results: every second register of z.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Write<T, V>(in Plan plan, Strip strip, int o, int c, int lanes, T* z, V factor, V bias) where T : unmanaged where V : struct, ILanes<V, T>
    {
        (Axis h, Axis w, nint channels) = (plan.Windows.H, plan.Windows.W, plan.Windows.Channels);
        if (strip.Image < 0 || strip.Row + o >= h.Out) return;
        T* to = plan.Args.Y.As<T>() + ((long)strip.Image * h.Out + strip.Row + o) * w.Out * channels + c;
        if (lanes == V.Count)
            for (int i = w.Out; i > 0; i--, z += 2 * V.Count, to += channels) V.MultiplyAdd(V.Load(z), factor, bias).Store(to);
        else
            for (int i = w.Out; i > 0; i--, z += 2 * V.Count, to += channels) Lanes.StorePartial(V.MultiplyAdd(V.Load(z), factor, bias), to, lanes);
    }
}
