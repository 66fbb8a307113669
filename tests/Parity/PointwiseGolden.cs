using MiniTorch.Ops;

namespace MiniTorch.Tests.Parity;

public sealed class PointwiseGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All =>
    [
        ("silu", Of(static x => x.Silu())),
    ];

    static Action<GoldenCase> Of(Func<Tensor, Tensor> f) => c =>
    {
        Tensor x = c.Leaf("x");
        c.CheckAll(f(x), ("x", x, Layout.Same));
    };
}
