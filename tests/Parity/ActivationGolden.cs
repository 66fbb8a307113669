using MiniTorch.Ops;

namespace MiniTorch.Tests.Parity;

public sealed class ActivationGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All =>
    [
        ("abs", Of(static x => x.Abs())),
        ("relu", Of(static x => x.Relu())),
        ("sigmoid", Of(static x => x.Sigmoid())),
        ("hardsigmoid", HardSigmoid),
        ("softplus", Of(static x => x.Softplus())),
        ("tanh", Of(static x => x.Tanh())),
        ("gelu_erf", Of(static x => x.Gelu())),
        ("gelu_tanh", Of(static x => x.GeluTanh())),
        ("clamp", Clamp),
        ("starrelu", StarRelu),
        ("broadcast", Broadcast),
        ("maximum", Maximum),
    ];

    static Action<GoldenCase> Of(Func<Tensor, Tensor> f) => c =>
    {
        Tensor x = c.Leaf("x");
        c.CheckAll(f(x), ("x", x, Layout.Same));
    };

    /// <summary>The reference's slope is 1/6 rounded to single precision, also in double; ours is 1/6.</summary>
    static void HardSigmoid(GoldenCase c)
    {
        const double rounded = 1f / 6, exact = 1.0 / 6;
        Tensor x = c.Leaf("x"), y = x.HardSigmoid();
        c.Check("y", y);
        y.Backward(c.Constant("dY"));
        c.Check("dx", [.. x.Gradient!.ToDoubles().Select(static g => g * (rounded / exact))]);
    }

    static void Clamp(GoldenCase c)
    {
        Tensor x = c.Leaf("x");
        c.CheckAll(x.Clamp(c.Number("min"), c.Number("max")), ("x", x, Layout.Same));
    }

    static void StarRelu(GoldenCase c)
    {
        if (c.Text("formula") != "s*relu(x)^2+b, s and b have one element") throw c.Unknown("formula");
        Tensor x = c.Leaf("x"), s = c.Leaf("s"), b = c.Leaf("b");
        c.CheckAll(x.StarRelu(s, b), ("x", x, Layout.Same), ("s", s, Layout.Same), ("b", b, Layout.Same));
    }

    static void Broadcast(GoldenCase c)
    {
        Tensor p = c.Leaf("a"), q = c.Leaf("b"), r = c.Leaf("c");
        c.CheckAll(p * q + r, ("a", p, Layout.Same), ("b", q, Layout.Same), ("c", r, Layout.Same));
    }

    static void Maximum(GoldenCase c)
    {
        Tensor x = c.Leaf("x"), z = c.Leaf("z");
        c.CheckAll(x.Maximum(z), ("x", x, Layout.Same), ("z", z, Layout.Same));
    }
}
