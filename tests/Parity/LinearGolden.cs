using MiniTorch.Ops;

namespace MiniTorch.Tests.Parity;

public sealed class LinearGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All => [("linear", Linear), ("matmul", MatMul), ("sdpa", Attention)];

    static void Linear(GoldenCase c)
    {
        Tensor x = c.Leaf("x"), w = c.Leaf("w", Layout.Reversed), b = c.Leaf("b");
        c.CheckAll(x.Linear(w, b), ("x", x, Layout.Same), ("w", w, Layout.Reversed), ("b", b, Layout.Same));
    }

    static void MatMul(GoldenCase c)
    {
        Tensor a = c.Leaf("a"), b = c.Leaf("b");
        c.CheckAll(a.MatMul(b), ("a", a, Layout.Same), ("b", b, Layout.Same));
    }

    static void Attention(GoldenCase c)
    {
        if (c.Text("scale") != "head_dim**-0.5") throw c.Unknown("scale");
        Tensor q = c.Leaf("q"), k = c.Leaf("k"), v = c.Leaf("v");
        Tensor? mask = c.Text("mask") switch { "none" => null, "additive (N,M)" => c.Leaf("mask"), _ => throw c.Unknown("mask") };
        c.CheckAll(ScaledDotProductAttention.Of(q, k, v, mask), ("q", q, Layout.Same), ("k", k, Layout.Same), ("v", v, Layout.Same));
        if (mask is not null) c.CheckGradient("dmask", mask);
    }
}
