using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MiniTorch.Cuda.Emulation;

/// <summary>Sum, of numbers of any format.</summary>
internal readonly struct Add<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => a + b;
}

/// <summary>Difference.</summary>
internal readonly struct Subtract<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => a - b;
}

/// <summary>Product; of integers the lower half.</summary>
internal readonly struct Multiply<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => a * b;
}

/// <summary>Product and sum with one rounding.</summary>
internal readonly struct Fused : ITernary<float>, ITernary<double>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Of(Vector256<float> a, Vector256<float> b, Vector256<float> c) => Vector256.FusedMultiplyAdd(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Of(Vector256<double> a, Vector256<double> b, Vector256<double> c) => Vector256.FusedMultiplyAdd(a, b, c);
}

/// <summary>Quotient, rounded to nearest.</summary>
internal readonly struct Quotient<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => a / b;
}

/// <summary>Quotient by a reciprocal that loses its subnormals: 0 for divisors beyond 2¹²⁶, as div.approx has it.</summary>
internal readonly struct ApproximateQuotient : IBinary<float>
{
    public static Vector256<float> Of(Vector256<float> a, Vector256<float> b) => a * Subnormal.Flush(Vector256<float>.One / b);
}

/// <summary>The smaller; a number if one is not; −0 below +0.</summary>
internal readonly struct Least<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => Vector256.MinNumber(a, b);
}

/// <summary>The larger; a number if one is not; −0 below +0.</summary>
internal readonly struct Greatest<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => Vector256.MaxNumber(a, b);
}

/// <summary>The smaller; no number if one is none.</summary>
internal readonly struct LeastOrNan : IBinary<float>
{
    public static Vector256<float> Of(Vector256<float> a, Vector256<float> b) => Vector256.Min(a, b);
}

/// <summary>The larger; no number if one is none.</summary>
internal readonly struct GreatestOrNan : IBinary<float>
{
    public static Vector256<float> Of(Vector256<float> a, Vector256<float> b) => Vector256.Max(a, b);
}

/// <summary>The first operand's sign on the second's magnitude.</summary>
internal readonly struct CopySign : IBinary<float>, IBinary<double>
{
    public static Vector256<float> Of(Vector256<float> a, Vector256<float> b) => Vector256.CopySign(b, a);

    public static Vector256<double> Of(Vector256<double> a, Vector256<double> b) => Vector256.CopySign(b, a);
}

/// <summary>The other sign, also of 0 and of what is no number.</summary>
internal readonly struct Negation : IUnary<float>, IUnary<double>
{
    public static Vector256<float> Of(Vector256<float> a) => a ^ Vector256.Create(-0f);

    public static Vector256<double> Of(Vector256<double> a) => a ^ Vector256.Create(-0d);
}

/// <summary>Without sign.</summary>
internal readonly struct Magnitude<T> : IUnary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a) => Vector256.Abs(a);
}

/// <summary>Square root, rounded to nearest.</summary>
internal readonly struct Root<T> : IUnary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a) => Vector256.Sqrt(a);
}

/// <summary>1 / a.</summary>
internal readonly struct Reciprocal<T> : IUnary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a) => Vector256<T>.One / a;
}

/// <summary>1 / √a.</summary>
internal readonly struct ReciprocalRoot : IUnary<float>
{
    public static Vector256<float> Of(Vector256<float> a) => Vector256<float>.One / Vector256.Sqrt(a);
}

/// <summary>Integral value, rounded as the name of the mode says.</summary>
internal readonly struct Floor : IUnary<float>, IUnary<double>
{
    public static Vector256<float> Of(Vector256<float> a) => Vector256.Floor(a);

    public static Vector256<double> Of(Vector256<double> a) => Vector256.Floor(a);
}

/// <summary>Integral value above.</summary>
internal readonly struct Ceiling : IUnary<float>, IUnary<double>
{
    public static Vector256<float> Of(Vector256<float> a) => Vector256.Ceiling(a);

    public static Vector256<double> Of(Vector256<double> a) => Vector256.Ceiling(a);
}

/// <summary>Nearest integral value, to even in the middle.</summary>
internal readonly struct Nearest : IUnary<float>, IUnary<double>
{
    public static Vector256<float> Of(Vector256<float> a) => Vector256.Round(a);

    public static Vector256<double> Of(Vector256<double> a) => Vector256.Round(a);
}

/// <summary>Integral value towards 0.</summary>
internal readonly struct Truncation : IUnary<float>, IUnary<double>
{
    public static Vector256<float> Of(Vector256<float> a) => Vector256.Truncate(a);

    public static Vector256<double> Of(Vector256<double> a) => Vector256.Truncate(a);
}

/// <summary>The same value, for modifiers that need something to modify.</summary>
internal readonly struct Same : IUnary<float>
{
    public static Vector256<float> Of(Vector256<float> a) => a;
}

/// <summary>Numbers below 2⁻¹²⁶.</summary>
internal static class Subnormal
{
    /// <summary>Zero with the sign kept where the exponent is 0.</summary>
    internal static Vector256<float> Flush(Vector256<float> a)
    {
        Vector256<float> small = Vector256.Equals(a.AsUInt32() & Vector256.Create(0x7F800000u), Vector256<uint>.Zero).AsSingle();
        return Vector256.ConditionalSelect(small, a & Vector256.Create(-0f), a);
    }
}

/// <summary>.ftz: subnormal operands and results count as 0.</summary>
internal readonly struct FlushedUnary<TOp> : IUnary<float> where TOp : IUnary<float>
{
    public static Vector256<float> Of(Vector256<float> a) => Subnormal.Flush(TOp.Of(Subnormal.Flush(a)));
}

/// <summary>.ftz of two operands.</summary>
internal readonly struct FlushedBinary<TOp> : IBinary<float> where TOp : IBinary<float>
{
    public static Vector256<float> Of(Vector256<float> a, Vector256<float> b) => Subnormal.Flush(TOp.Of(Subnormal.Flush(a), Subnormal.Flush(b)));
}

/// <summary>.ftz of three operands.</summary>
internal readonly struct FlushedTernary<TOp> : ITernary<float> where TOp : ITernary<float>
{
    public static Vector256<float> Of(Vector256<float> a, Vector256<float> b, Vector256<float> c) => Subnormal.Flush(TOp.Of(Subnormal.Flush(a), Subnormal.Flush(b), Subnormal.Flush(c)));
}

/// <summary>Numbers between 0 and 1.</summary>
internal static class Unit
{
    /// <summary>Clamped; what is no number becomes +0.</summary>
    internal static Vector256<float> Clamp(Vector256<float> a)
    {
        Vector256<float> clamped = Vector256.ConditionalSelect(Vector256.GreaterThan(a, Vector256<float>.One), Vector256<float>.One, a);
        return Vector256.GreaterThan(a, Vector256<float>.Zero) & clamped;
    }
}

/// <summary>.sat: results between 0 and 1.</summary>
internal readonly struct SaturatedUnary<TOp> : IUnary<float> where TOp : IUnary<float>
{
    public static Vector256<float> Of(Vector256<float> a) => Unit.Clamp(TOp.Of(a));
}

/// <summary>.sat of two operands.</summary>
internal readonly struct SaturatedBinary<TOp> : IBinary<float> where TOp : IBinary<float>
{
    public static Vector256<float> Of(Vector256<float> a, Vector256<float> b) => Unit.Clamp(TOp.Of(a, b));
}

/// <summary>.sat of three operands.</summary>
internal readonly struct SaturatedTernary<TOp> : ITernary<float> where TOp : ITernary<float>
{
    public static Vector256<float> Of(Vector256<float> a, Vector256<float> b, Vector256<float> c) => Unit.Clamp(TOp.Of(a, b, c));
}
