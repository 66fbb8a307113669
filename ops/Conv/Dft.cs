using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>Places, some elements apart, that will be read or written soon; none if there are 0. Few are asked for at a time, as a processor waits for more than it can keep open.</summary>
readonly unsafe record struct Upcoming<T>(Pointer At, nint Step, int Count) where T : unmanaged
{
    /// <summary>Asks for the lines of one of so many parts.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Ask(int part, int parts)
    {
        int begin = part * Count / parts;
        CacheLine.Prefetch(At.As<T>() + begin * Step, Step, (part + 1) * Count / parts - begin);
    }
}

/// <summary>
/// Discrete Fourier transform of <see cref="Length"/> complex points in place, Z[f] = Σₜ z[t] · exp(−2πi f t / Length), and back without a factor. A point is a
/// register of real parts and then one of imaginary parts, so that each lane is a signal of its own. Decimation in frequency forward and in time backward: in between
/// the frequencies stand in an order of their own, which products of spectra do not mind.
/// </summary>
readonly unsafe record struct Dft
{
    readonly int fours, twos;
    readonly Pointer roots;

    /// <summary>A transform of a length made of twos and threes; the memory for <see cref="RootElements"/> elements is filled here.</summary>
    Dft(int length, Pointer roots)
    {
        Length = length;
        this.roots = roots;
        int powers = BitOperations.TrailingZeroCount(length);
        (fours, twos) = (powers / 2, powers % 2);
        for (int rest = length >> powers; rest > 1; rest /= 3) Threes++;
    }

    /// <summary>Points of a row.</summary>
    internal int Length { get; }

    int Threes { get; }

    /// <summary>Passes over the points.</summary>
    internal int Passes => fours + twos + Threes;

    /// <summary>Elements that the roots of unity of a length take.</summary>
    internal static int RootElements(int length) => 2 * length;

    /// <summary>The smallest length of at least <paramref name="least"/> that is a product of twos and threes.</summary>
    internal static int Fit(int least)
    {
        for (int n = Math.Max(1, least); ; n++)
        {
            int rest = n >> BitOperations.TrailingZeroCount(n);
            while (rest % 3 == 0) rest /= 3;
            if (rest == 1) return n;
        }
    }

    /// <summary>A transform without roots, for questions about its cost.</summary>
    internal static Dft OfLength(int length) => new(length, default);

    /// <summary>A transform whose roots are written to <paramref name="memory"/>: for each pass, j and 0 &lt; a &lt; radix the factor exp(−2πi j a / points of the pass).</summary>
    internal static Dft OfLength<T>(int length, T* memory) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Dft plan = new(length, Pointer.At(memory));
        int points = length;
        for (int pass = 0; pass < plan.Passes; pass++)
        {
            int radix = plan.Radix(pass);
            for (int j = 0; j < points / radix; j++)
                for (int a = 1; a < radix; a++, memory += 2)
                {
                    (double sine, double cosine) = Math.SinCos(-2 * Math.PI * j * a / points);
                    (memory[0], memory[1]) = (T.CreateTruncating(cosine), T.CreateTruncating(sine));
                }
            points /= radix;
        }
        return plan;
    }

    int Radix(int pass) => pass < fours ? 4 : pass < fours + twos ? 2 : 3;

    /// <summary>Points to frequencies. Meanwhile memory brings what will be needed next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Forward<T, V>(T* z, Upcoming<T> a = default, Upcoming<T> b = default) where T : unmanaged where V : struct, ILanes<V, T>
    {
        int points = Length;
        for (int pass = 0; pass < Passes; pass++)
        {
            a.Ask(pass, Passes);
            b.Ask(pass, Passes);
            T* root = roots.As<T>() + 2 * (Length - points);
            switch (Radix(pass))
            {
                case 4: Forward4<T, V>(z, Length, points, root); break;
                case 2: Forward2<T, V>(z, Length, points, root); break;
                default: Forward3<T, V>(z, Length, points, root); break;
            }
            points /= Radix(pass);
        }
    }

    /// <summary>Frequencies to points, <see cref="Length"/> times too large. Meanwhile memory brings what will be needed next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Inverse<T, V>(T* z, Upcoming<T> a = default, Upcoming<T> b = default) where T : unmanaged where V : struct, ILanes<V, T>
    {
        int points = 1;
        for (int pass = Passes - 1; pass >= 0; pass--)
        {
            a.Ask(pass, Passes);
            b.Ask(pass, Passes);
            points *= Radix(pass);
            T* root = roots.As<T>() + 2 * (Length - points);
            switch (Radix(pass))
            {
                case 4: Inverse4<T, V>(z, Length, points, root); break;
                case 2: Inverse2<T, V>(z, Length, points, root); break;
                default: Inverse3<T, V>(z, Length, points, root); break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Put<T, V>(T* to, V re, V im) where T : unmanaged where V : struct, ILanes<V, T>
    {
        re.Store(to);
        im.Store(to + V.Count);
    }

    /// <summary>Stores (re, im) times a root.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Turn<T, V>(T* to, V re, V im, T* root) where T : unmanaged where V : struct, ILanes<V, T>
    {
        V cosine = V.All(root[0]), sine = V.All(root[1]);
        V.MultiplyAdd(re, cosine, -(im * sine)).Store(to);
        V.MultiplyAdd(im, cosine, re * sine).Store(to + V.Count);
    }

    /// <summary>Loads a point times the conjugate of a root.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static (V Re, V Im) TurnBack<T, V>(T* from, T* root) where T : unmanaged where V : struct, ILanes<V, T>
    {
        V cosine = V.All(root[0]), sine = V.All(root[1]), re = V.Load(from), im = V.Load(from + V.Count);
        return (V.MultiplyAdd(re, cosine, im * sine), V.MultiplyAdd(im, cosine, -(re * sine)));
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Forward4<T, V>(T* z, int length, int points, T* root) where T : unmanaged where V : struct, ILanes<V, T>
    {
        nint c = V.Count, step = points / 4 * 2 * c, block = 4 * step;
        T* end = z + length * 2 * c;
        for (int j = points / 4; j > 0; j--, z += 2 * c, root += 6)
            for (T* p0 = z; p0 < end; p0 += block)
            {
                T* p1 = p0 + step, p2 = p1 + step, p3 = p2 + step;
                V a = V.Load(p0), b = V.Load(p2), even = a + b, odd = a - b;
                a = V.Load(p1);
                b = V.Load(p3);
                V even1 = a + b, odd1 = a - b;
                a = V.Load(p0 + c);
                b = V.Load(p2 + c);
                V evenI = a + b, oddI = a - b;
                a = V.Load(p1 + c);
                b = V.Load(p3 + c);
                V evenI1 = a + b, oddI1 = a - b;
                Put<T, V>(p0, even + even1, evenI + evenI1);
                if (points == 4)
                {
                    Put<T, V>(p1, odd + oddI1, oddI - odd1);
                    Put<T, V>(p2, even - even1, evenI - evenI1);
                    Put<T, V>(p3, odd - oddI1, oddI + odd1);
                    continue;
                }
                Turn(p1, odd + oddI1, oddI - odd1, root);
                Turn(p2, even - even1, evenI - evenI1, root + 2);
                Turn(p3, odd - oddI1, oddI + odd1, root + 4);
            }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Inverse4<T, V>(T* z, int length, int points, T* root) where T : unmanaged where V : struct, ILanes<V, T>
    {
        nint c = V.Count, step = points / 4 * 2 * c, block = 4 * step;
        T* end = z + length * 2 * c;
        for (int j = points / 4; j > 0; j--, z += 2 * c, root += 6)
            for (T* p0 = z; p0 < end; p0 += block)
            {
                T* p1 = p0 + step, p2 = p1 + step, p3 = p2 + step;
                V r0 = V.Load(p0), i0 = V.Load(p0 + c);
                (V r2, V i2) = TurnBack<T, V>(p2, root + 2);
                V even = r0 + r2, odd = r0 - r2, evenI = i0 + i2, oddI = i0 - i2;
                (V r1, V i1) = TurnBack<T, V>(p1, root);
                (V r3, V i3) = TurnBack<T, V>(p3, root + 4);
                V even1 = r1 + r3, odd1 = r1 - r3, evenI1 = i1 + i3, oddI1 = i1 - i3;
                Put<T, V>(p0, even + even1, evenI + evenI1);
                Put<T, V>(p1, odd - oddI1, oddI + odd1);
                Put<T, V>(p2, even - even1, evenI - evenI1);
                Put<T, V>(p3, odd + oddI1, oddI - odd1);
            }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Forward2<T, V>(T* z, int length, int points, T* root) where T : unmanaged where V : struct, ILanes<V, T>
    {
        nint c = V.Count, step = points / 2 * 2 * c, block = 2 * step;
        T* end = z + length * 2 * c;
        for (int j = points / 2; j > 0; j--, z += 2 * c, root += 2)
            for (T* p0 = z; p0 < end; p0 += block)
            {
                T* p1 = p0 + step;
                V r0 = V.Load(p0), i0 = V.Load(p0 + c), r1 = V.Load(p1), i1 = V.Load(p1 + c);
                Put<T, V>(p0, r0 + r1, i0 + i1);
                Turn(p1, r0 - r1, i0 - i1, root);
            }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Inverse2<T, V>(T* z, int length, int points, T* root) where T : unmanaged where V : struct, ILanes<V, T>
    {
        nint c = V.Count, step = points / 2 * 2 * c, block = 2 * step;
        T* end = z + length * 2 * c;
        for (int j = points / 2; j > 0; j--, z += 2 * c, root += 2)
            for (T* p0 = z; p0 < end; p0 += block)
            {
                T* p1 = p0 + step;
                V r0 = V.Load(p0), i0 = V.Load(p0 + c);
                (V r1, V i1) = TurnBack<T, V>(p1, root);
                Put<T, V>(p0, r0 + r1, i0 + i1);
                Put<T, V>(p1, r0 - r1, i0 - i1);
            }
    }

    const double Sine60 = 0.86602540378443864676;

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Forward3<T, V>(T* z, int length, int points, T* root) where T : unmanaged where V : struct, ILanes<V, T>
    {
        nint c = V.Count, step = points / 3 * 2 * c, block = 3 * step;
        T* end = z + length * 2 * c;
        V half = V.Of(-0.5), sine = V.Of(Sine60);
        for (int j = points / 3; j > 0; j--, z += 2 * c, root += 4)
            for (T* p0 = z; p0 < end; p0 += block)
            {
                T* p1 = p0 + step, p2 = p1 + step;
                V r0 = V.Load(p0), i0 = V.Load(p0 + c), r1 = V.Load(p1), i1 = V.Load(p1 + c), r2 = V.Load(p2), i2 = V.Load(p2 + c);
                V sum = r1 + r2, sumI = i1 + i2, difference = (r1 - r2) * sine, differenceI = (i1 - i2) * sine;
                V mean = V.MultiplyAdd(sum, half, r0), meanI = V.MultiplyAdd(sumI, half, i0);
                Put<T, V>(p0, r0 + sum, i0 + sumI);
                Turn(p1, mean + differenceI, meanI - difference, root);
                Turn(p2, mean - differenceI, meanI + difference, root + 2);
            }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Inverse3<T, V>(T* z, int length, int points, T* root) where T : unmanaged where V : struct, ILanes<V, T>
    {
        nint c = V.Count, step = points / 3 * 2 * c, block = 3 * step;
        T* end = z + length * 2 * c;
        V half = V.Of(-0.5), sine = V.Of(Sine60);
        for (int j = points / 3; j > 0; j--, z += 2 * c, root += 4)
            for (T* p0 = z; p0 < end; p0 += block)
            {
                T* p1 = p0 + step, p2 = p1 + step;
                V r0 = V.Load(p0), i0 = V.Load(p0 + c);
                (V r1, V i1) = TurnBack<T, V>(p1, root);
                (V r2, V i2) = TurnBack<T, V>(p2, root + 2);
                V sum = r1 + r2, sumI = i1 + i2, difference = (r1 - r2) * sine, differenceI = (i1 - i2) * sine;
                V mean = V.MultiplyAdd(sum, half, r0), meanI = V.MultiplyAdd(sumI, half, i0);
                Put<T, V>(p0, r0 + sum, i0 + sumI);
                Put<T, V>(p1, mean - differenceI, meanI + difference);
                Put<T, V>(p2, mean + differenceI, meanI - difference);
            }
    }
}
