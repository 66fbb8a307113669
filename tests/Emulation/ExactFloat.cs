using System.Numerics;

namespace MiniTorch.Tests.Emulation;

/// <summary>
/// Binary floating-point formats by the rules of IEEE 754, in integers of any length: a number is m · 2^e exactly, and rounding is done on it. Knows nothing of the
/// processor's own arithmetic.
/// </summary>
sealed record ExactFloat(int Precision, int ExponentBits)
{
    internal static readonly ExactFloat Single = new(24, 8), Double = new(53, 11), Brain = new(8, 8);

    internal int Width => Precision + ExponentBits;
    int Bias => (1 << ExponentBits - 1) - 1;
    ulong Fraction => (1UL << Precision - 1) - 1;
    ulong Sign => 1UL << Width - 1;
    internal ulong Infinity => ((1UL << ExponentBits) - 1) << Precision - 1;

    internal bool IsNaN(ulong bits) => (bits & ~Sign) > Infinity;
    internal bool IsInfinite(ulong bits) => (bits & ~Sign) == Infinity;
    internal bool IsZero(ulong bits) => (bits & ~Sign) == 0;
    internal bool IsNegative(ulong bits) => (bits & Sign) != 0;
    internal bool IsSubnormal(ulong bits) => !IsZero(bits) && (bits & Infinity) == 0;

    /// <summary>m and e of a finite number, m with sign.</summary>
    internal (BigInteger M, int E) Value(ulong bits)
    {
        int field = (int)((bits & ~Sign) >> Precision - 1);
        BigInteger m = (bits & Fraction) + (field == 0 ? 0 : Fraction + 1);
        return (IsNegative(bits) ? -m : m, Math.Max(field, 1) - Bias - Precision + 1);
    }

    /// <summary>Rounds m · 2^e, and a bit more away from 0 if <paramref name="sticky"/>. Modes: n nearest even, z to zero, m down, p up. Zero takes the given sign.</summary>
    internal ulong Round(BigInteger m, int e, char mode = 'n', bool sticky = false, bool negativeZero = false)
    {
        bool negative = m.Sign < 0 || m.IsZero && negativeZero;
        BigInteger a = BigInteger.Abs(m);
        ulong sign = negative ? Sign : 0;
        if (a.IsZero && !sticky) return sign;
        if (sticky) (a, e) = ((a << 2) + 1, e - 2);
        int least = 2 - Bias - Precision;                       // exponent of the last place of subnormals
        int shift = Math.Max((int)a.GetBitLength() - Precision, least - e);
        if (shift > 0)
        {
            BigInteger kept = a >> shift, rest = a - (kept << shift), half = BigInteger.One << shift - 1;
            bool up = mode switch
            {
                'n' => rest > half || rest == half && !kept.IsEven,
                'm' => negative && !rest.IsZero,
                'p' => !negative && !rest.IsZero,
                _ => false,
            };
            (a, e) = (up ? kept + 1 : kept, e + shift);
        }
        if (a.IsZero) return sign;
        while (a.GetBitLength() > Precision) (a, e) = (a >> 1, e + 1);          // a carry leaves a power of two
        while (a.GetBitLength() < Precision && e > least) (a, e) = (a << 1, e - 1);
        int field = a.GetBitLength() < Precision ? 0 : e + Bias + Precision - 1;
        if (field >= (1 << ExponentBits) - 1) return sign | (mode == 'n' || mode == 'm' && negative || mode == 'p' && !negative ? Infinity : Infinity - 1);
        return sign | (ulong)field << Precision - 1 | (ulong)a & Fraction;
    }

    internal ulong NaN => Infinity | 1UL << Precision - 2;

    internal ulong Multiply(ulong a, ulong b)
    {
        bool negative = IsNegative(a) != IsNegative(b);
        if (IsNaN(a) || IsNaN(b) || IsInfinite(a) && IsZero(b) || IsInfinite(b) && IsZero(a)) return NaN;
        if (IsInfinite(a) || IsInfinite(b)) return Infinity | (negative ? Sign : 0);
        ((BigInteger m, int e), (BigInteger n, int f)) = (Value(a), Value(b));
        return Round(m * n, e + f, negativeZero: negative);
    }

    internal ulong Add(ulong a, ulong b) => MultiplyAdd(a, Round(1, 0), b);

    internal ulong MultiplyAdd(ulong a, ulong b, ulong c)
    {
        bool negative = IsNegative(a) != IsNegative(b);
        if (IsNaN(a) || IsNaN(b) || IsNaN(c) || IsInfinite(a) && IsZero(b) || IsInfinite(b) && IsZero(a)) return NaN;
        if (IsInfinite(a) || IsInfinite(b)) return IsInfinite(c) && IsNegative(c) != negative ? NaN : Infinity | (negative ? Sign : 0);
        if (IsInfinite(c)) return c;
        ((BigInteger m, int e), (BigInteger n, int f), (BigInteger k, int g)) = (Value(a), Value(b), Value(c));
        int low = Math.Min(e + f, g);
        BigInteger sum = (m * n << e + f - low) + (k << g - low);
        bool zeroNegative = negative && IsNegative(c) && (m.IsZero || n.IsZero) && k.IsZero;
        return Round(sum, low, negativeZero: zeroNegative);
    }

    internal ulong Divide(ulong a, ulong b)
    {
        bool negative = IsNegative(a) != IsNegative(b);
        if (IsNaN(a) || IsNaN(b) || IsInfinite(a) && IsInfinite(b) || IsZero(a) && IsZero(b)) return NaN;
        if (IsInfinite(a) || IsZero(b)) return Infinity | (negative ? Sign : 0);
        if (IsInfinite(b)) return negative ? Sign : 0;
        ((BigInteger m, int e), (BigInteger n, int f)) = (Value(a), Value(b));
        BigInteger quotient = BigInteger.DivRem(BigInteger.Abs(m) << 120, BigInteger.Abs(n), out BigInteger rest);
        return Round(negative ? -quotient : quotient, e - f - 120, sticky: !rest.IsZero, negativeZero: negative);
    }

    internal ulong Root(ulong a)
    {
        if (IsZero(a)) return a;
        if (IsNaN(a) || IsNegative(a)) return NaN;
        if (IsInfinite(a)) return a;
        (BigInteger m, int e) = Value(a);
        if ((e & 1) != 0) (m, e) = (m << 1, e - 1);
        m <<= 120;
        e -= 120;
        BigInteger low = 0, high = BigInteger.One << (int)(m.GetBitLength() / 2 + 1);
        while (high - low > 1)
        {
            BigInteger middle = low + high >> 1;
            if (middle * middle <= m) low = middle;
            else high = middle;
        }
        return Round(low, e / 2, sticky: low * low != m);
    }

    /// <summary>The number in another format.</summary>
    internal ulong To(ExactFloat other, ulong a, char mode = 'n')
    {
        if (IsNaN(a)) return other.NaN;
        if (IsInfinite(a)) return other.Infinity | (IsNegative(a) ? other.Sign : 0);
        (BigInteger m, int e) = Value(a);
        return other.Round(m, e, mode, negativeZero: IsNegative(a));
    }

    /// <summary>The integer next to a finite number.</summary>
    internal BigInteger Integral(ulong a, char mode)
    {
        (BigInteger m, int e) = Value(a);
        if (e >= 0) return m << e;
        BigInteger one = BigInteger.One << -e, floor = m >> -e, rest = m - (floor << -e);
        return mode switch
        {
            'm' => floor,
            'p' => rest.IsZero ? floor : floor + 1,
            'z' => m.Sign < 0 && !rest.IsZero ? floor + 1 : floor,
            _ => 2 * rest > one || 2 * rest == one && !floor.IsEven ? floor + 1 : floor,
        };
    }

    /// <summary>Numbers at which formats change their ways: zeros, subnormals, ends, halves, infinities, none; and random ones.</summary>
    internal ulong[] Interesting(int random, int seed = 3)
    {
        List<ulong> values = [];
        ulong one = (ulong)Bias << Precision - 1;
        foreach (ulong bits in (ulong[])[0, 1, 2, Fraction, Fraction + 1, Fraction + 2, one - 1, one, one + 1, one | 1UL << Precision - 2, Infinity - 1, Infinity, NaN, Infinity | 1,
            one + (Fraction + 1), one - (Fraction + 1), one + 3 * (Fraction + 1) / 2, (ulong)(Bias + Precision - 1) << Precision - 1, (ulong)(Bias + Precision) << Precision - 1])
        {
            values.Add(bits);
            values.Add(bits | Sign);
        }
        Random numbers = new(seed);
        for (int i = 0; i < random; i++)
        {
            ulong bits = (ulong)numbers.NextInt64(long.MinValue, long.MaxValue);
            values.Add(Width == 64 ? bits : bits & (1UL << Width) - 1);
            // and numbers near 1, whose sums cancel
            values.Add(one + (bits & Fraction) ^ (bits >> 63 << Width - 1));
        }
        return [.. values];
    }
}
