using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>
/// A tile of sliding sums in registers: to[q] = start[q] + Σ over rows r and taps l of k[r, l] · x[r, l + q], each a register. Four taps at a time, then two and one, so
/// that a loaded x serves up to four products. The sums are plain locals, which the JIT keeps in registers; those a smaller tile has not are compiled away.
/// </summary>
static unsafe class Fir
{
    /// <summary>The most outputs of a tile.</summary>
    internal const int Largest = 9;
    const int Smallest = 5;

    interface ICount
    {
        static abstract int Value { get; }
    }

    struct Five : ICount
    {
        public static int Value => 5;
    }

    struct Six : ICount
    {
        public static int Value => 6;
    }

    struct Seven : ICount
    {
        public static int Value => 7;
    }

    struct Eight : ICount
    {
        public static int Value => 8;
    }

    struct Nine : ICount
    {
        public static int Value => 9;
    }

    /// <summary>The tile that covers this many outputs with the least work.</summary>
    internal static int Tile(int outputs)
    {
        int best = Largest, least = int.MaxValue;
        for (int tile = Largest; tile >= Smallest; tile--)
        {
            int work = (outputs + tile - 1) / tile * (tile + 1);
            if (work < least) (best, least) = (tile, work);
        }
        return best;
    }

    /// <summary>One row; the sums start at those of <paramref name="start"/>, if it is not null, and are stored toStep elements apart.</summary>
    internal static void Run<T, V>(int tile, T* start, T* to, nint toStep, T* k, T* x, int taps) where T : unmanaged where V : struct, ILanes<V, T>
        => Run<T, V>(tile, start, to, toStep, k, 0, x, 0, 1, taps);

    /// <summary>The same over several rows; rows of k and x are kRow and xRow elements apart.</summary>
    internal static void Run<T, V>(int tile, T* start, T* to, nint toStep, T* k, nint kRow, T* x, nint xRow, int rows, int taps) where T : unmanaged where V : struct, ILanes<V, T>
    {
        switch (tile)
        {
            case 5: Sum<T, V, Five>(start, to, toStep, k, kRow, x, xRow, rows, taps); break;
            case 6: Sum<T, V, Six>(start, to, toStep, k, kRow, x, xRow, rows, taps); break;
            case 7: Sum<T, V, Seven>(start, to, toStep, k, kRow, x, xRow, rows, taps); break;
            case 8: Sum<T, V, Eight>(start, to, toStep, k, kRow, x, xRow, rows, taps); break;
            default: Sum<T, V, Nine>(start, to, toStep, k, kRow, x, xRow, rows, taps); break;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Sum<T, V, N>(T* start, T* to, nint toStep, T* k, nint kRow, T* x, nint xRow, int rows, int taps)
        where T : unmanaged where V : struct, ILanes<V, T> where N : struct, ICount
    {
        V s0 = V.Of(0), s1 = V.Of(0), s2 = V.Of(0), s3 = V.Of(0), s4 = V.Of(0), s5 = V.Of(0), s6 = V.Of(0), s7 = V.Of(0), s8 = V.Of(0);
        if (start != null)
        {
            s0 = V.Load(start);
            s1 = V.Load(start + V.Count);
            s2 = V.Load(start + 2 * V.Count);
            s3 = V.Load(start + 3 * V.Count);
            s4 = V.Load(start + 4 * V.Count);
            if (N.Value > 5) s5 = V.Load(start + 5 * V.Count);
            if (N.Value > 6) s6 = V.Load(start + 6 * V.Count);
            if (N.Value > 7) s7 = V.Load(start + 7 * V.Count);
            if (N.Value > 8) s8 = V.Load(start + 8 * V.Count);
        }
        for (; rows > 0; rows--, k += kRow, x += xRow)
        {
            T* kk = k, xx = x;
            int left = taps;
            V v;
            for (; left >= 4; left -= 4, kk += 4 * V.Count, xx += 4 * V.Count)
            {
                V k0 = V.Load(kk), k1 = V.Load(kk + V.Count), k2 = V.Load(kk + 2 * V.Count), k3 = V.Load(kk + 3 * V.Count);
                v = V.Load(xx);
                s0 = V.MultiplyAdd(k0, v, s0);
                v = V.Load(xx + V.Count);
                s1 = V.MultiplyAdd(k0, v, s1);
                s0 = V.MultiplyAdd(k1, v, s0);
                v = V.Load(xx + 2 * V.Count);
                s2 = V.MultiplyAdd(k0, v, s2);
                s1 = V.MultiplyAdd(k1, v, s1);
                s0 = V.MultiplyAdd(k2, v, s0);
                v = V.Load(xx + 3 * V.Count);
                s3 = V.MultiplyAdd(k0, v, s3);
                s2 = V.MultiplyAdd(k1, v, s2);
                s1 = V.MultiplyAdd(k2, v, s1);
                s0 = V.MultiplyAdd(k3, v, s0);
                v = V.Load(xx + 4 * V.Count);
                s4 = V.MultiplyAdd(k0, v, s4);
                s3 = V.MultiplyAdd(k1, v, s3);
                s2 = V.MultiplyAdd(k2, v, s2);
                s1 = V.MultiplyAdd(k3, v, s1);
                v = V.Load(xx + 5 * V.Count);
                if (N.Value > 5) s5 = V.MultiplyAdd(k0, v, s5);
                s4 = V.MultiplyAdd(k1, v, s4);
                s3 = V.MultiplyAdd(k2, v, s3);
                s2 = V.MultiplyAdd(k3, v, s2);
                v = V.Load(xx + 6 * V.Count);
                if (N.Value > 6) s6 = V.MultiplyAdd(k0, v, s6);
                if (N.Value > 5) s5 = V.MultiplyAdd(k1, v, s5);
                s4 = V.MultiplyAdd(k2, v, s4);
                s3 = V.MultiplyAdd(k3, v, s3);
                v = V.Load(xx + 7 * V.Count);
                if (N.Value > 7) s7 = V.MultiplyAdd(k0, v, s7);
                if (N.Value > 6) s6 = V.MultiplyAdd(k1, v, s6);
                if (N.Value > 5) s5 = V.MultiplyAdd(k2, v, s5);
                s4 = V.MultiplyAdd(k3, v, s4);
                if (N.Value > 5) v = V.Load(xx + 8 * V.Count);
                if (N.Value > 8) s8 = V.MultiplyAdd(k0, v, s8);
                if (N.Value > 7) s7 = V.MultiplyAdd(k1, v, s7);
                if (N.Value > 6) s6 = V.MultiplyAdd(k2, v, s6);
                if (N.Value > 5) s5 = V.MultiplyAdd(k3, v, s5);
                if (N.Value > 6) v = V.Load(xx + 9 * V.Count);
                if (N.Value > 8) s8 = V.MultiplyAdd(k1, v, s8);
                if (N.Value > 7) s7 = V.MultiplyAdd(k2, v, s7);
                if (N.Value > 6) s6 = V.MultiplyAdd(k3, v, s6);
                if (N.Value > 7) v = V.Load(xx + 10 * V.Count);
                if (N.Value > 8) s8 = V.MultiplyAdd(k2, v, s8);
                if (N.Value > 7) s7 = V.MultiplyAdd(k3, v, s7);
                if (N.Value > 8) v = V.Load(xx + 11 * V.Count);
                if (N.Value > 8) s8 = V.MultiplyAdd(k3, v, s8);
            }
            if (left >= 2)
            {
                V k0 = V.Load(kk), k1 = V.Load(kk + V.Count);
                v = V.Load(xx);
                s0 = V.MultiplyAdd(k0, v, s0);
                v = V.Load(xx + V.Count);
                s1 = V.MultiplyAdd(k0, v, s1);
                s0 = V.MultiplyAdd(k1, v, s0);
                v = V.Load(xx + 2 * V.Count);
                s2 = V.MultiplyAdd(k0, v, s2);
                s1 = V.MultiplyAdd(k1, v, s1);
                v = V.Load(xx + 3 * V.Count);
                s3 = V.MultiplyAdd(k0, v, s3);
                s2 = V.MultiplyAdd(k1, v, s2);
                v = V.Load(xx + 4 * V.Count);
                s4 = V.MultiplyAdd(k0, v, s4);
                s3 = V.MultiplyAdd(k1, v, s3);
                v = V.Load(xx + 5 * V.Count);
                if (N.Value > 5) s5 = V.MultiplyAdd(k0, v, s5);
                s4 = V.MultiplyAdd(k1, v, s4);
                if (N.Value > 5) v = V.Load(xx + 6 * V.Count);
                if (N.Value > 6) s6 = V.MultiplyAdd(k0, v, s6);
                if (N.Value > 5) s5 = V.MultiplyAdd(k1, v, s5);
                if (N.Value > 6) v = V.Load(xx + 7 * V.Count);
                if (N.Value > 7) s7 = V.MultiplyAdd(k0, v, s7);
                if (N.Value > 6) s6 = V.MultiplyAdd(k1, v, s6);
                if (N.Value > 7) v = V.Load(xx + 8 * V.Count);
                if (N.Value > 8) s8 = V.MultiplyAdd(k0, v, s8);
                if (N.Value > 7) s7 = V.MultiplyAdd(k1, v, s7);
                if (N.Value > 8) v = V.Load(xx + 9 * V.Count);
                if (N.Value > 8) s8 = V.MultiplyAdd(k1, v, s8);
                left -= 2;
                kk += 2 * V.Count;
                xx += 2 * V.Count;
            }
            if (left > 0)
            {
                v = V.Load(kk);
                s0 = V.MultiplyAdd(v, V.Load(xx), s0);
                s1 = V.MultiplyAdd(v, V.Load(xx + V.Count), s1);
                s2 = V.MultiplyAdd(v, V.Load(xx + 2 * V.Count), s2);
                s3 = V.MultiplyAdd(v, V.Load(xx + 3 * V.Count), s3);
                s4 = V.MultiplyAdd(v, V.Load(xx + 4 * V.Count), s4);
                if (N.Value > 5) s5 = V.MultiplyAdd(v, V.Load(xx + 5 * V.Count), s5);
                if (N.Value > 6) s6 = V.MultiplyAdd(v, V.Load(xx + 6 * V.Count), s6);
                if (N.Value > 7) s7 = V.MultiplyAdd(v, V.Load(xx + 7 * V.Count), s7);
                if (N.Value > 8) s8 = V.MultiplyAdd(v, V.Load(xx + 8 * V.Count), s8);
            }
        }
        s0.Store(to);
        s1.Store(to += toStep);
        s2.Store(to += toStep);
        s3.Store(to += toStep);
        s4.Store(to += toStep);
        if (N.Value > 5) s5.Store(to += toStep);
        if (N.Value > 6) s6.Store(to += toStep);
        if (N.Value > 7) s7.Store(to += toStep);
        if (N.Value > 8) s8.Store(to + toStep);
    }
}
