using System.Runtime.Intrinsics;

namespace MiniTorch.Cuda.Emulation;

/// <summary>2ᵃ = 2ⁿ 2ᶠ with |f| ≤ ½: a series of the seventh degree, relative error 1e-7. Results may be subnormal.</summary>
internal readonly struct PowerOfTwo : IUnary<float>
{
    public static Vector256<float> Of(Vector256<float> a)
    {
        Vector256<float> x = Vector256.Min(Vector256.Max(a, Vector256.Create(-160f)), Vector256.Create(160f)), n = Vector256.Round(x), f = x - n;
        Vector256<float> p = Vector256.FusedMultiplyAdd(f, Vector256.Create(1.5252733804e-5f), Vector256.Create(1.5403530393e-4f));
        p = Vector256.FusedMultiplyAdd(p, f, Vector256.Create(1.3333558146e-3f));
        p = Vector256.FusedMultiplyAdd(p, f, Vector256.Create(9.6181291076e-3f));
        p = Vector256.FusedMultiplyAdd(p, f, Vector256.Create(5.5504108665e-2f));
        p = Vector256.FusedMultiplyAdd(p, f, Vector256.Create(2.4022650696e-1f));
        p = Vector256.FusedMultiplyAdd(p, f, Vector256.Create(6.9314718056e-1f));
        p = Vector256.FusedMultiplyAdd(p, f, Vector256<float>.One);
        // In two steps, since 2ⁿ itself may be too large or too small to stand alone.
        Vector256<int> whole = Vector256.ConvertToInt32(n), half = whole >> 1, bias = Vector256.Create(127);
        Vector256<float> power = p * (half + bias << 23).AsSingle() * (whole - half + bias << 23).AsSingle();
        return Vector256.ConditionalSelect(Vector256.Equals(a, a), power, a);
    }
}

/// <summary>Logarithm to the base 2: −∞ at 0, no number below.</summary>
internal readonly struct LogarithmToTwo : IUnary<float>
{
    public static Vector256<float> Of(Vector256<float> a) => Vector256.Log2(a);
}

/// <summary>Sine.</summary>
internal readonly struct Sine : IUnary<float>
{
    public static Vector256<float> Of(Vector256<float> a) => Vector256.Sin(a);
}

/// <summary>Cosine.</summary>
internal readonly struct Cosine : IUnary<float>
{
    public static Vector256<float> Of(Vector256<float> a) => Vector256.Cos(a);
}

/// <summary>tanh a = (e²ᵃ − 1) / (e²ᵃ + 1) in double precision; a itself where it is so small that the difference would lose it.</summary>
internal readonly struct HyperbolicTangent : IUnary<float>
{
    public static Vector256<float> Of(Vector256<float> a)
    {
        Vector256<float> x = Vector256.Min(Vector256.Max(a, Vector256.Create(-16f)), Vector256.Create(16f));
        (Vector256<double> low, Vector256<double> high) = Vector256.Widen(x);
        Vector256<float> t = Vector256.Narrow(Tangent(low), Tangent(high));
        return Vector256.ConditionalSelect(Vector256.LessThan(Vector256.Abs(a), Vector256.Create(1e-5f)), a, t);
    }

    static Vector256<double> Tangent(Vector256<double> a)
    {
        Vector256<double> e = Vector256.Exp(a + a);
        return (e - Vector256<double>.One) / (e + Vector256<double>.One);
    }
}
