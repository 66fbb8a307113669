using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>
/// All products of rows of seven with rows of seven, each element a register: the inner loops of <see cref="DepthwiseNarrow"/>. Everything that is added to or used seven
/// times is a plain local, which the JIT keeps in a register of the sixteen that AVX2 has.
/// </summary>
static unsafe class NarrowProducts
{
    /// <summary>Pixels of a row.</summary>
    internal const int Width = 7;

    /// <summary>Distances from an output to an input of the row.</summary>
    internal const int Taps = 2 * Width - 1;

    /// <summary>y[o] = Σ over rows and i of k[i − o + 6] · x[i], for rows one after the other.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    internal static void Convolve<T, V>(T* y, T* k, T* x, int rows) where T : unmanaged where V : struct, ILanes<V, T>
    {
        V y0 = V.Of(0), y1 = V.Of(0), y2 = V.Of(0), y3 = V.Of(0), y4 = V.Of(0), y5 = V.Of(0), y6 = V.Of(0);
        for (; rows > 0; rows--, k += Taps * V.Count, x += Width * V.Count)
        {
            V x0 = V.Load(x);
            V x1 = V.Load(x + V.Count);
            V x2 = V.Load(x + 2 * V.Count);
            V x3 = V.Load(x + 3 * V.Count);
            V x4 = V.Load(x + 4 * V.Count);
            V x5 = V.Load(x + 5 * V.Count);
            V x6 = V.Load(x + 6 * V.Count);
            V v;
            v = V.Load(k);
            y6 = V.MultiplyAdd(v, x0, y6);
            v = V.Load(k + V.Count);
            y5 = V.MultiplyAdd(v, x0, y5);
            y6 = V.MultiplyAdd(v, x1, y6);
            v = V.Load(k + 2 * V.Count);
            y4 = V.MultiplyAdd(v, x0, y4);
            y5 = V.MultiplyAdd(v, x1, y5);
            y6 = V.MultiplyAdd(v, x2, y6);
            v = V.Load(k + 3 * V.Count);
            y3 = V.MultiplyAdd(v, x0, y3);
            y4 = V.MultiplyAdd(v, x1, y4);
            y5 = V.MultiplyAdd(v, x2, y5);
            y6 = V.MultiplyAdd(v, x3, y6);
            v = V.Load(k + 4 * V.Count);
            y2 = V.MultiplyAdd(v, x0, y2);
            y3 = V.MultiplyAdd(v, x1, y3);
            y4 = V.MultiplyAdd(v, x2, y4);
            y5 = V.MultiplyAdd(v, x3, y5);
            y6 = V.MultiplyAdd(v, x4, y6);
            v = V.Load(k + 5 * V.Count);
            y1 = V.MultiplyAdd(v, x0, y1);
            y2 = V.MultiplyAdd(v, x1, y2);
            y3 = V.MultiplyAdd(v, x2, y3);
            y4 = V.MultiplyAdd(v, x3, y4);
            y5 = V.MultiplyAdd(v, x4, y5);
            y6 = V.MultiplyAdd(v, x5, y6);
            v = V.Load(k + 6 * V.Count);
            y0 = V.MultiplyAdd(v, x0, y0);
            y1 = V.MultiplyAdd(v, x1, y1);
            y2 = V.MultiplyAdd(v, x2, y2);
            y3 = V.MultiplyAdd(v, x3, y3);
            y4 = V.MultiplyAdd(v, x4, y4);
            y5 = V.MultiplyAdd(v, x5, y5);
            y6 = V.MultiplyAdd(v, x6, y6);
            v = V.Load(k + 7 * V.Count);
            y0 = V.MultiplyAdd(v, x1, y0);
            y1 = V.MultiplyAdd(v, x2, y1);
            y2 = V.MultiplyAdd(v, x3, y2);
            y3 = V.MultiplyAdd(v, x4, y3);
            y4 = V.MultiplyAdd(v, x5, y4);
            y5 = V.MultiplyAdd(v, x6, y5);
            v = V.Load(k + 8 * V.Count);
            y0 = V.MultiplyAdd(v, x2, y0);
            y1 = V.MultiplyAdd(v, x3, y1);
            y2 = V.MultiplyAdd(v, x4, y2);
            y3 = V.MultiplyAdd(v, x5, y3);
            y4 = V.MultiplyAdd(v, x6, y4);
            v = V.Load(k + 9 * V.Count);
            y0 = V.MultiplyAdd(v, x3, y0);
            y1 = V.MultiplyAdd(v, x4, y1);
            y2 = V.MultiplyAdd(v, x5, y2);
            y3 = V.MultiplyAdd(v, x6, y3);
            v = V.Load(k + 10 * V.Count);
            y0 = V.MultiplyAdd(v, x4, y0);
            y1 = V.MultiplyAdd(v, x5, y1);
            y2 = V.MultiplyAdd(v, x6, y2);
            v = V.Load(k + 11 * V.Count);
            y0 = V.MultiplyAdd(v, x5, y0);
            y1 = V.MultiplyAdd(v, x6, y1);
            v = V.Load(k + 12 * V.Count);
            y0 = V.MultiplyAdd(v, x6, y0);
        }
        y0.Store(y);
        y1.Store(y + V.Count);
        y2.Store(y + 2 * V.Count);
        y3.Store(y + 3 * V.Count);
        y4.Store(y + 4 * V.Count);
        y5.Store(y + 5 * V.Count);
        y6.Store(y + 6 * V.Count);
    }

    /// <summary>total[i − o + 6] += x[i] · dy[o].</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    internal static void Correlate<T, V>(T* total, T* dy, T* x, int rows) where T : unmanaged where V : struct, ILanes<V, T>
    {
        V t0 = V.Load(total), t1 = V.Load(total + V.Count), t2 = V.Load(total + 2 * V.Count), t3 = V.Load(total + 3 * V.Count), t4 = V.Load(total + 4 * V.Count), t5 = V.Load(total + 5 * V.Count), t6 = V.Load(total + 6 * V.Count), t7 = V.Load(total + 7 * V.Count), t8 = V.Load(total + 8 * V.Count), t9 = V.Load(total + 9 * V.Count), t10 = V.Load(total + 10 * V.Count), t11 = V.Load(total + 11 * V.Count), t12 = V.Load(total + 12 * V.Count);
        for (; rows > 0; rows--, dy += Width * V.Count, x += Width * V.Count)
        {
            V v;
            v = V.Load(dy);
            t6 = V.MultiplyAdd(v, V.Load(x), t6);
            t7 = V.MultiplyAdd(v, V.Load(x + V.Count), t7);
            t8 = V.MultiplyAdd(v, V.Load(x + 2 * V.Count), t8);
            t9 = V.MultiplyAdd(v, V.Load(x + 3 * V.Count), t9);
            t10 = V.MultiplyAdd(v, V.Load(x + 4 * V.Count), t10);
            t11 = V.MultiplyAdd(v, V.Load(x + 5 * V.Count), t11);
            t12 = V.MultiplyAdd(v, V.Load(x + 6 * V.Count), t12);
            v = V.Load(dy + V.Count);
            t5 = V.MultiplyAdd(v, V.Load(x), t5);
            t6 = V.MultiplyAdd(v, V.Load(x + V.Count), t6);
            t7 = V.MultiplyAdd(v, V.Load(x + 2 * V.Count), t7);
            t8 = V.MultiplyAdd(v, V.Load(x + 3 * V.Count), t8);
            t9 = V.MultiplyAdd(v, V.Load(x + 4 * V.Count), t9);
            t10 = V.MultiplyAdd(v, V.Load(x + 5 * V.Count), t10);
            t11 = V.MultiplyAdd(v, V.Load(x + 6 * V.Count), t11);
            v = V.Load(dy + 2 * V.Count);
            t4 = V.MultiplyAdd(v, V.Load(x), t4);
            t5 = V.MultiplyAdd(v, V.Load(x + V.Count), t5);
            t6 = V.MultiplyAdd(v, V.Load(x + 2 * V.Count), t6);
            t7 = V.MultiplyAdd(v, V.Load(x + 3 * V.Count), t7);
            t8 = V.MultiplyAdd(v, V.Load(x + 4 * V.Count), t8);
            t9 = V.MultiplyAdd(v, V.Load(x + 5 * V.Count), t9);
            t10 = V.MultiplyAdd(v, V.Load(x + 6 * V.Count), t10);
            v = V.Load(dy + 3 * V.Count);
            t3 = V.MultiplyAdd(v, V.Load(x), t3);
            t4 = V.MultiplyAdd(v, V.Load(x + V.Count), t4);
            t5 = V.MultiplyAdd(v, V.Load(x + 2 * V.Count), t5);
            t6 = V.MultiplyAdd(v, V.Load(x + 3 * V.Count), t6);
            t7 = V.MultiplyAdd(v, V.Load(x + 4 * V.Count), t7);
            t8 = V.MultiplyAdd(v, V.Load(x + 5 * V.Count), t8);
            t9 = V.MultiplyAdd(v, V.Load(x + 6 * V.Count), t9);
            v = V.Load(dy + 4 * V.Count);
            t2 = V.MultiplyAdd(v, V.Load(x), t2);
            t3 = V.MultiplyAdd(v, V.Load(x + V.Count), t3);
            t4 = V.MultiplyAdd(v, V.Load(x + 2 * V.Count), t4);
            t5 = V.MultiplyAdd(v, V.Load(x + 3 * V.Count), t5);
            t6 = V.MultiplyAdd(v, V.Load(x + 4 * V.Count), t6);
            t7 = V.MultiplyAdd(v, V.Load(x + 5 * V.Count), t7);
            t8 = V.MultiplyAdd(v, V.Load(x + 6 * V.Count), t8);
            v = V.Load(dy + 5 * V.Count);
            t1 = V.MultiplyAdd(v, V.Load(x), t1);
            t2 = V.MultiplyAdd(v, V.Load(x + V.Count), t2);
            t3 = V.MultiplyAdd(v, V.Load(x + 2 * V.Count), t3);
            t4 = V.MultiplyAdd(v, V.Load(x + 3 * V.Count), t4);
            t5 = V.MultiplyAdd(v, V.Load(x + 4 * V.Count), t5);
            t6 = V.MultiplyAdd(v, V.Load(x + 5 * V.Count), t6);
            t7 = V.MultiplyAdd(v, V.Load(x + 6 * V.Count), t7);
            v = V.Load(dy + 6 * V.Count);
            t0 = V.MultiplyAdd(v, V.Load(x), t0);
            t1 = V.MultiplyAdd(v, V.Load(x + V.Count), t1);
            t2 = V.MultiplyAdd(v, V.Load(x + 2 * V.Count), t2);
            t3 = V.MultiplyAdd(v, V.Load(x + 3 * V.Count), t3);
            t4 = V.MultiplyAdd(v, V.Load(x + 4 * V.Count), t4);
            t5 = V.MultiplyAdd(v, V.Load(x + 5 * V.Count), t5);
            t6 = V.MultiplyAdd(v, V.Load(x + 6 * V.Count), t6);
        }
        t0.Store(total);
        t1.Store(total + V.Count);
        t2.Store(total + 2 * V.Count);
        t3.Store(total + 3 * V.Count);
        t4.Store(total + 4 * V.Count);
        t5.Store(total + 5 * V.Count);
        t6.Store(total + 6 * V.Count);
        t7.Store(total + 7 * V.Count);
        t8.Store(total + 8 * V.Count);
        t9.Store(total + 9 * V.Count);
        t10.Store(total + 10 * V.Count);
        t11.Store(total + 11 * V.Count);
        t12.Store(total + 12 * V.Count);
    }
}
