using System.Runtime.CompilerServices;

namespace MiniTorch;

/// <summary>
/// Elementary functions. Single precision: polynomials, a few units in the last place, on lanes and on a GPU alike. Double precision: exp and log come from the runtime; erf and tanh
/// go lane by lane through full-accuracy scalar code, since double is the oracle's type and not a fast path.
/// </summary>
static unsafe class Elementary
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>eˣ = 2ⁿ eʳ with |r| ≤ ½ ln 2; relative error 2e-7; 0 below −87.3, ∞ above 88.7.</summary>
    [MethodImpl(Inline)]
    internal static V Exp<V>(V x) where V : struct, IFloat<V>
    {
        V c = V.AtMost(V.AtLeast(x, V.Of(-87.3)), V.Of(88.7));
        V n = V.AtMost(V.Round(c * V.Of(1.44269504088896341)), V.Of(127));
        V r = V.MultiplyAdd(n, V.Of(-0.693359375), c);
        r = V.MultiplyAdd(n, V.Of(2.12194440e-4), r);
        V p = V.MultiplyAdd(r, V.Of(1.9875691500e-4), V.Of(1.3981999507e-3));
        p = V.MultiplyAdd(p, r, V.Of(8.3334519073e-3));
        p = V.MultiplyAdd(p, r, V.Of(4.1665795894e-2));
        p = V.MultiplyAdd(p, r, V.Of(1.6666665459e-1));
        p = V.MultiplyAdd(p, r, V.Of(5.0000001201e-1));
        p = V.MultiplyAdd(p, r * r, r + V.Of(1)) * V.PowerOfTwo(n);
        p = V.Select(V.Greater(V.Of(-87.3), x), V.Of(0), p);
        return V.Select(V.Greater(x, V.Of(88.72283)), V.Of(double.PositiveInfinity), p);
    }

    /// <summary>ln x by x = m · 2ᵉ with m in [√½, √2); relative error 1e-7; −∞ at 0, NaN below, denormals count as 0.</summary>
    [MethodImpl(Inline)]
    internal static V Log<V>(V x) where V : struct, IFloat<V>
    {
        V m = V.Mantissa(x), e = V.Exponent(x), small = V.Greater(V.Of(0.70710678118654752), m);
        e = V.Select(small, e - V.Of(1), e);
        m = V.Select(small, m + m, m) - V.Of(1);
        V z = m * m;
        V p = V.MultiplyAdd(m, V.Of(7.0376836292e-2), V.Of(-1.1514610310e-1));
        p = V.MultiplyAdd(p, m, V.Of(1.1676998740e-1));
        p = V.MultiplyAdd(p, m, V.Of(-1.2420140846e-1));
        p = V.MultiplyAdd(p, m, V.Of(1.4249322787e-1));
        p = V.MultiplyAdd(p, m, V.Of(-1.6668057665e-1));
        p = V.MultiplyAdd(p, m, V.Of(2.0000714765e-1));
        p = V.MultiplyAdd(p, m, V.Of(-2.4999993993e-1));
        p = V.MultiplyAdd(p, m, V.Of(3.3333331174e-1));
        V y = p * m * z;
        y = V.MultiplyAdd(e, V.Of(-2.12194440e-4), y);
        y = V.MultiplyAdd(z, V.Of(-0.5), y);
        y = V.MultiplyAdd(e, V.Of(0.693359375), m + y);
        V inf = V.Of(double.PositiveInfinity);
        y = V.Select(V.Equal(x, inf), inf, y);
        y = V.Select(V.Greater(V.Of(1.17549435e-38), x), -inf, y);
        y = V.Select(V.Greater(V.Of(0), x), V.Of(double.NaN), y);
        return V.Select(V.Equal(x, x), y, x);
    }

    /// <summary>erf as an odd rational on [−4, 4], ±1 outside in single precision; absolute error 4e-7.</summary>
    [MethodImpl(Inline)]
    internal static V Erf<V>(V x) where V : struct, IFloat<V>
    {
        x = V.AtMost(V.AtLeast(x, V.Of(-4)), V.Of(4));
        V s = x * x;
        V p = V.MultiplyAdd(s, V.Of(-2.72614225801306e-10), V.Of(2.77068142495902e-08));
        p = V.MultiplyAdd(p, s, V.Of(-2.10102402082508e-06));
        p = V.MultiplyAdd(p, s, V.Of(-5.69250639462346e-05));
        p = V.MultiplyAdd(p, s, V.Of(-7.34990630326855e-04));
        p = V.MultiplyAdd(p, s, V.Of(-2.95459980854025e-03));
        p = V.MultiplyAdd(p, s, V.Of(-1.60960333262415e-02));
        V q = V.MultiplyAdd(s, V.Of(-1.45660718464996e-05), V.Of(-2.13374055278905e-04));
        q = V.MultiplyAdd(q, s, V.Of(-1.68282697438203e-03));
        q = V.MultiplyAdd(q, s, V.Of(-7.37332916720468e-03));
        q = V.MultiplyAdd(q, s, V.Of(-1.42647390514189e-02));
        return x * p / q;
    }

    /// <summary>tanh: odd polynomial below 0.625, 1 − 2/(e²ˣ + 1) above; relative error 3e-7.</summary>
    [MethodImpl(Inline)]
    internal static V Tanh<V>(V x) where V : struct, IFloat<V>
    {
        V a = V.Abs(x), z = x * x;
        V p = V.MultiplyAdd(z, V.Of(-5.70498872745e-3), V.Of(2.06390887954e-2));
        p = V.MultiplyAdd(p, z, V.Of(-5.37397155531e-2));
        p = V.MultiplyAdd(p, z, V.Of(1.33314422036e-1));
        p = V.MultiplyAdd(p, z, V.Of(-3.33332819422e-1));
        p = V.MultiplyAdd(p * z, x, x);
        V t = V.Of(1) - V.Of(2) / (V.Exp(a + a) + V.Of(1));
        t = V.Select(V.Greater(V.Of(0), x), -t, t);
        return V.Select(V.Greater(a, V.Of(0.625)), t, p);
    }

    internal static V EachErf<V, T>(V x) where V : struct, ILanes<V, T> where T : unmanaged
    {
        T* lanes = stackalloc T[V.Count];
        x.Store(lanes);
        for (int i = 0; i < V.Count; i++) ((double*)lanes)[i] = Erf(((double*)lanes)[i]);
        return V.Load(lanes);
    }

    internal static V EachTanh<V, T>(V x) where V : struct, ILanes<V, T> where T : unmanaged
    {
        T* lanes = stackalloc T[V.Count];
        x.Store(lanes);
        for (int i = 0; i < V.Count; i++) ((double*)lanes)[i] = Math.Tanh(((double*)lanes)[i]);
        return V.Load(lanes);
    }

    /// <summary>erf to double accuracy: e^{−x²} times a series of positive terms below 3, the continued fraction of erfc above.</summary>
    internal static double Erf(double x)
    {
        double a = Math.Abs(x), y;
        if (double.IsNaN(x)) return x;
        if (a < 3)
        {
            double term = a, sum = a;
            for (int n = 1; term > sum * 1e-17; n++) sum += term *= 2 * a * a / (2 * n + 1);
            y = 2 / Math.Sqrt(Math.PI) * Math.Exp(-a * a) * sum;
        }
        else
        {
            double fraction = 0;
            for (int n = 60; n > 0; n--) fraction = n / 2.0 / (a + fraction);
            y = 1 - Math.Exp(-a * a) / Math.Sqrt(Math.PI) / (a + fraction);
        }
        return Math.CopySign(y, x);
    }
}
