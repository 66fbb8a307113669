using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>
/// What outputs see of x, as rows [taps, channels]: gathered, or added back. Rows are outputs in the order [n, d, h, w]; taps are in the order of the kernel.
/// x points at the first of <c>channels</c> wanted channels of a pixel.
/// </summary>
static unsafe class Patches
{
    /// <summary>Patches of outputs [begin, end), taps [t0, t1). Up to a register beyond them is overwritten as well: short runs are copied as whole registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Gather<T, V>(in Windows windows, T* x, int channels, int begin, int end, int t0, int t1, T* to)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (Axis d, Axis h, Axis w, int pixel) = (windows.D, windows.H, windows.W, windows.Channels);
        bool runs = w.Dilation == 1 && channels == pixel;                   // taps along w are neighbours in memory
        T* whole = x + (long)windows.Batch * windows.Inputs * pixel - (pixel - channels) - V.Count;     // last place of a whole register
        int firstLine = t0 / w.Kernel, firstD = firstLine / h.Kernel, firstH = firstLine % h.Kernel, firstW = t0 % w.Kernel;
        Place at = new(windows, begin);
        for (int row = begin; row < end; row++, at.Next(windows))
        {
            int z = d.First(at.D) + firstD * d.Dilation, y = h.First(at.H), left = w.First(at.W), j = firstW, kh = firstH;
            (int w0, int w1) = w.Taps(at.W);
            T* image = x + (long)at.N * windows.Inputs * pixel;
            for (int t = t0; t < t1; j = 0)
            {
                int stop = Math.Min(w.Kernel, j + t1 - t), iy = y + kh * h.Dilation, iz = z;
                t += stop - j;
                if (++kh == h.Kernel)
                {
                    kh = 0;
                    z += d.Dilation;
                }
                if ((uint)iz >= (uint)d.In || (uint)iy >= (uint)h.In)
                {
                    to = ZeroOver<T, V>(to, (stop - j) * channels);
                    continue;
                }
                T* from = image + ((long)iz * h.In + iy) * w.In * pixel;
                int a = Math.Clamp(w0, j, stop), b = Math.Clamp(w1, a, stop);
                to = ZeroOver<T, V>(to, (a - j) * channels);
                if (runs) to = CopyOver<T, V>(from + (long)(left + a) * pixel, to, (b - a) * channels, whole);
                else
                    for (int k = a; k < b; k++) to = CopyOver<T, V>(from + (long)(left + k * w.Dilation) * pixel, to, channels, whole);
                to = ZeroOver<T, V>(to, (stop - b) * channels);
            }
        }
    }

    /// <summary>Adds what falls on rows [y0, y1) of an image.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Scatter<T, V>(in Windows windows, T* x, int channels, int begin, int end, int y0, int y1, T* from)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (Axis d, Axis h, Axis w, int pixel) = (windows.D, windows.H, windows.W, windows.Channels);
        bool runs = w.Dilation == 1 && channels == pixel;
        Place at = new(windows, begin);
        for (int row = begin; row < end; row++, at.Next(windows))
        {
            int z = d.First(at.D), y = h.First(at.H), left = w.First(at.W);
            (int w0, int w1) = w.Taps(at.W);
            T* image = x + (long)at.N * windows.Inputs * pixel;
            for (int line = 0; line < d.Kernel * h.Kernel; line++, from += w.Kernel * channels)
            {
                int iz = z + line / h.Kernel * d.Dilation, iy = y + line % h.Kernel * h.Dilation;
                if ((uint)iz >= (uint)d.In || iy < y0 || iy >= y1) continue;
                T* to = image + ((long)iz * h.In + iy) * w.In * pixel;
                if (runs) Add<T, V>(from + w0 * channels, to + (long)(left + w0) * pixel, (w1 - w0) * channels);
                else
                    for (int k = w0; k < w1; k++) Add<T, V>(from + k * channels, to + (long)(left + k * w.Dilation) * pixel, channels);
            }
        }
    }

    /// <summary>What <see cref="Scatter"/> adds to: every pixel of rows [y0, y1) of an image holds the bias, or zeros without one.</summary>
    internal static void Start<T, V>(in Windows windows, T* x, int channels, int image, int y0, int y1, T* bias)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int pixel = windows.Channels, row = windows.W.In * pixel, count = (y1 - y0) * windows.W.In;
        for (int d = 0; d < windows.D.In; d++)
        {
            T* to = x + (((long)image * windows.D.In + d) * windows.H.In + y0) * row;
            if (bias != null)
                for (int i = 0; i < count; i++, to += pixel) Copy<T, V>(bias, to, channels);
            else if (channels == pixel) Zero<T, V>(to, count * channels);
            else
                for (int i = 0; i < count; i++, to += pixel) Zero<T, V>(to, channels);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T* Copy<T, V>(T* from, T* to, int n) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int i = 0;
        for (; i <= n - V.Count; i += V.Count) V.Load(from + i).Store(to + i);
        for (; i < n; i++) to[i] = from[i];
        return to + n;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T* Zero<T, V>(T* to, int n) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int i = 0;
        for (; i <= n - V.Count; i += V.Count) V.Of(0).Store(to + i);
        for (; i < n; i++) to[i] = T.Zero;
        return to + n;
    }

    /// <summary>Copies n elements and what follows them to the end of a register, unless that lies behind the place <paramref name="whole"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T* CopyOver<T, V>(T* from, T* to, int n, T* whole) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int i = 0;
        for (; i < n && from + i <= whole; i += V.Count) V.Load(from + i).Store(to + i);
        for (; i < n; i++) to[i] = from[i];
        return to + n;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T* ZeroOver<T, V>(T* to, int n) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        for (int i = 0; i < n; i += V.Count) V.Of(0).Store(to + i);
        return to + n;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add<T, V>(T* from, T* to, int n) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int i = 0;
        for (; i <= n - V.Count; i += V.Count) (V.Load(to + i) + V.Load(from + i)).Store(to + i);
        for (; i < n; i++) to[i] += from[i];
    }

    /// <summary>Position of an output.</summary>
    struct Place
    {
        internal int N, D, H, W;

        internal Place(in Windows windows, int row)
        {
            W = row % windows.W.Out;
            row /= windows.W.Out;
            H = row % windows.H.Out;
            row /= windows.H.Out;
            D = row % windows.D.Out;
            N = row / windows.D.Out;
        }

        internal void Next(in Windows windows)
        {
            if (++W < windows.W.Out) return;
            W = 0;
            if (++H < windows.H.Out) return;
            H = 0;
            if (++D < windows.D.Out) return;
            D = 0;
            N++;
        }
    }
}
