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
/// Discrete Fourier transform of <see cref="Length"/> complex points, Z[f] = Σₜ z[t] · exp(−2πi f t / Length), and back without a factor, each lane a signal of its own. The
/// first pass forward reads from wherever the signal is, the last pass back writes to where it is wanted; all others work in place. Decimation in frequency forward and
/// in time backward: in between the frequencies stand in an order of their own, which products of spectra do not mind.
/// </summary>
readonly unsafe partial record struct Dft
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

    /// <summary>The smallest length of at least <paramref name="least"/> and 2 that is a product of twos and threes.</summary>
    internal static int Fit(int least)
    {
        for (int n = Math.Max(2, least); ; n++)
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

    /// <summary>
    /// Points to frequencies, in z. The largest |re| and |im| of a watched signal, lane by lane, go to the two registers at <paramref name="most"/> if they exceed what is there.
    /// Meanwhile memory brings what will be needed next.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Forward<T, V, S>(S from, T* z, T* most, Upcoming<T> a = default, Upcoming<T> b = default)
        where T : unmanaged where V : struct, ILanes<V, T> where S : struct, ISignal<T, V>
    {
        a.Ask(0, Passes);
        b.Ask(0, Passes);
        Forward<T, V, S>(0, Length, from, z, most);
        nint points = Length / Radix(0);
        for (int pass = 1; pass < Passes; pass++)
        {
            a.Ask(pass, Passes);
            b.Ask(pass, Passes);
            Forward<T, V, Points<T, V>>(pass, points, new(z), z, null);
            points /= Radix(pass);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    void Forward<T, V, S>(int pass, nint points, S from, T* z, T* most) where T : unmanaged where V : struct, ILanes<V, T> where S : struct, ISignal<T, V>
    {
        T* root = roots.As<T>() + 2 * (Length - points);
        switch (Radix(pass))
        {
            case 4: Forward4<T, V, S>(from, new(z), Length, points, root, most); break;
            case 2: Forward2<T, V, S>(from, new(z), Length, points, root, most); break;
            default: Forward3<T, V, S>(from, new(z), Length, points, root, most); break;
        }
    }

    /// <summary>Frequencies in z, which are spoilt, to points, <see cref="Length"/> times too large. Meanwhile memory brings what will be needed next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Inverse<T, V, R>(T* z, R to, Upcoming<T> a = default, Upcoming<T> b = default)
        where T : unmanaged where V : struct, ILanes<V, T> where R : struct, IResult<T, V>
    {
        nint points = 1;
        for (int pass = Passes - 1; pass > 0; pass--)
        {
            a.Ask(pass - 1, Passes - 1);
            b.Ask(pass - 1, Passes - 1);
            points *= Radix(pass);
            Inverse<T, V, Points<T, V>>(pass, points, z, new(z));
        }
        Inverse<T, V, R>(0, Length, z, to);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    void Inverse<T, V, R>(int pass, nint points, T* z, R to) where T : unmanaged where V : struct, ILanes<V, T> where R : struct, IResult<T, V>
    {
        T* root = roots.As<T>() + 2 * (Length - points);
        switch (Radix(pass))
        {
            case 4: Inverse4<T, V, R>(new(z), to, Length, points, root); break;
            case 2: Inverse2<T, V, R>(new(z), to, Length, points, root); break;
            default: Inverse3<T, V, R>(new(z), to, Length, points, root); break;
        }
    }
}
