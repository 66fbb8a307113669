using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <remarks>A pass takes points a quarter, half or third of a block apart; blocks are <c>points</c> long.</remarks>
readonly unsafe partial record struct Dft
{
    /// <summary>(re, im) times a root.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Turn<T, V>(Points<T, V> z, nint point, V re, V im, T* root) where T : unmanaged where V : struct, ILanes<V, T>
    {
        V cosine = V.All(root[0]), sine = V.All(root[1]);
        z.Store(point, V.MultiplyAdd(re, cosine, -(im * sine)), V.MultiplyAdd(im, cosine, re * sine));
    }

    /// <summary>A point times the conjugate of a root.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static (V Re, V Im) TurnBack<T, V>(Points<T, V> z, nint point, T* root) where T : unmanaged where V : struct, ILanes<V, T>
    {
        V cosine = V.All(root[0]), sine = V.All(root[1]), re = z.Re(point), im = z.Im(point);
        return (V.MultiplyAdd(re, cosine, im * sine), V.MultiplyAdd(im, cosine, -(re * sine)));
    }

    /// <summary>The largest parts so far.</summary>
    ref struct Watch<T, V, S>(T* most) where T : unmanaged where V : struct, ILanes<V, T> where S : struct, ISignal<T, V>
    {
        V re = S.Watched ? V.Load(most) : default, im = S.Watched ? V.Load(most + V.Count) : default;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal V Re(S from, nint point)
        {
            V x = from.Re(point);
            if (S.Watched) re = V.AtLeast(V.Abs(x), re);
            return x;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal V Im(S from, nint point)
        {
            V x = from.Im(point);
            if (S.Watched) im = V.AtLeast(V.Abs(x), im);
            return x;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal readonly void End(T* most)
        {
            if (!S.Watched) return;
            re.Store(most);
            im.Store(most + V.Count);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Forward4<T, V, S>(S from, Points<T, V> z, nint length, nint points, T* root, T* most)
        where T : unmanaged where V : struct, ILanes<V, T> where S : struct, ISignal<T, V>
    {
        nint quarter = points / 4;
        Watch<T, V, S> watch = new(most);
        for (nint j = 0; j < quarter; j++, root += 6)
            for (nint p = j; p < length; p += points)
            {
                nint p1 = p + quarter, p2 = p1 + quarter, p3 = p2 + quarter;
                V a = watch.Re(from, p), b = watch.Re(from, p2), even = a + b, odd = a - b;
                a = watch.Re(from, p1);
                b = watch.Re(from, p3);
                V even1 = a + b, odd1 = a - b;
                a = watch.Im(from, p);
                b = watch.Im(from, p2);
                V evenI = a + b, oddI = a - b;
                a = watch.Im(from, p1);
                b = watch.Im(from, p3);
                V evenI1 = a + b, oddI1 = a - b;
                z.Store(p, even + even1, evenI + evenI1);
                if (points == 4)
                {
                    z.Store(p1, odd + oddI1, oddI - odd1);
                    z.Store(p2, even - even1, evenI - evenI1);
                    z.Store(p3, odd - oddI1, oddI + odd1);
                    continue;
                }
                Turn(z, p1, odd + oddI1, oddI - odd1, root);
                Turn(z, p2, even - even1, evenI - evenI1, root + 2);
                Turn(z, p3, odd - oddI1, oddI + odd1, root + 4);
            }
        watch.End(most);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Inverse4<T, V, R>(Points<T, V> z, R to, nint length, nint points, T* root)
        where T : unmanaged where V : struct, ILanes<V, T> where R : struct, IResult<T, V>
    {
        nint quarter = points / 4;
        for (nint j = 0; j < quarter; j++, root += 6)
            for (nint p = j; p < length; p += points)
            {
                nint p1 = p + quarter, p2 = p1 + quarter, p3 = p2 + quarter;
                V r0 = z.Re(p), i0 = z.Im(p);
                (V r2, V i2) = TurnBack(z, p2, root + 2);
                V even = r0 + r2, odd = r0 - r2, evenI = i0 + i2, oddI = i0 - i2;
                (V r1, V i1) = TurnBack(z, p1, root);
                (V r3, V i3) = TurnBack(z, p3, root + 4);
                V even1 = r1 + r3, odd1 = r1 - r3, evenI1 = i1 + i3, oddI1 = i1 - i3;
                to.Store(p, even + even1, evenI + evenI1);
                to.Store(p1, odd - oddI1, oddI + odd1);
                to.Store(p2, even - even1, evenI - evenI1);
                to.Store(p3, odd + oddI1, oddI - odd1);
            }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Forward2<T, V, S>(S from, Points<T, V> z, nint length, nint points, T* root, T* most)
        where T : unmanaged where V : struct, ILanes<V, T> where S : struct, ISignal<T, V>
    {
        nint half = points / 2;
        Watch<T, V, S> watch = new(most);
        for (nint j = 0; j < half; j++, root += 2)
            for (nint p = j; p < length; p += points)
            {
                V r0 = watch.Re(from, p), i0 = watch.Im(from, p), r1 = watch.Re(from, p + half), i1 = watch.Im(from, p + half);
                z.Store(p, r0 + r1, i0 + i1);
                Turn(z, p + half, r0 - r1, i0 - i1, root);
            }
        watch.End(most);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Inverse2<T, V, R>(Points<T, V> z, R to, nint length, nint points, T* root)
        where T : unmanaged where V : struct, ILanes<V, T> where R : struct, IResult<T, V>
    {
        nint half = points / 2;
        for (nint j = 0; j < half; j++, root += 2)
            for (nint p = j; p < length; p += points)
            {
                V r0 = z.Re(p), i0 = z.Im(p);
                (V r1, V i1) = TurnBack(z, p + half, root);
                to.Store(p, r0 + r1, i0 + i1);
                to.Store(p + half, r0 - r1, i0 - i1);
            }
    }

    const double Sine60 = 0.86602540378443864676;

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Forward3<T, V, S>(S from, Points<T, V> z, nint length, nint points, T* root, T* most)
        where T : unmanaged where V : struct, ILanes<V, T> where S : struct, ISignal<T, V>
    {
        nint third = points / 3;
        V half = V.Of(-0.5), sine = V.Of(Sine60);
        Watch<T, V, S> watch = new(most);
        for (nint j = 0; j < third; j++, root += 4)
            for (nint p = j; p < length; p += points)
            {
                nint p1 = p + third, p2 = p1 + third;
                V r0 = watch.Re(from, p), i0 = watch.Im(from, p), r1 = watch.Re(from, p1), i1 = watch.Im(from, p1), r2 = watch.Re(from, p2), i2 = watch.Im(from, p2);
                V sum = r1 + r2, sumI = i1 + i2, difference = (r1 - r2) * sine, differenceI = (i1 - i2) * sine;
                V mean = V.MultiplyAdd(sum, half, r0), meanI = V.MultiplyAdd(sumI, half, i0);
                z.Store(p, r0 + sum, i0 + sumI);
                Turn(z, p1, mean + differenceI, meanI - difference, root);
                Turn(z, p2, mean - differenceI, meanI + difference, root + 2);
            }
        watch.End(most);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Inverse3<T, V, R>(Points<T, V> z, R to, nint length, nint points, T* root)
        where T : unmanaged where V : struct, ILanes<V, T> where R : struct, IResult<T, V>
    {
        nint third = points / 3;
        V half = V.Of(-0.5), sine = V.Of(Sine60);
        for (nint j = 0; j < third; j++, root += 4)
            for (nint p = j; p < length; p += points)
            {
                nint p1 = p + third, p2 = p1 + third;
                V r0 = z.Re(p), i0 = z.Im(p);
                (V r1, V i1) = TurnBack(z, p1, root);
                (V r2, V i2) = TurnBack(z, p2, root + 2);
                V sum = r1 + r2, sumI = i1 + i2, difference = (r1 - r2) * sine, differenceI = (i1 - i2) * sine;
                V mean = V.MultiplyAdd(sum, half, r0), meanI = V.MultiplyAdd(sumI, half, i0);
                to.Store(p, r0 + sum, i0 + sumI);
                to.Store(p1, mean - differenceI, meanI + difference);
                to.Store(p2, mean + differenceI, meanI - difference);
            }
    }
}
