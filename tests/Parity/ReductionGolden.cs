using MiniTorch.Ops;

namespace MiniTorch.Tests.Parity;

public sealed class ReductionGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All =>
    [
        ("sum", c => Check(c, static (c, x) => x.Sum(Dims(c), KeepDim(c)))),
        ("mean", c => Check(c, static (c, x) => x.Mean(Dims(c), KeepDim(c)))),
        ("var", c => Check(c, static (c, x) => x.Var(Dims(c), c.Flag("unbiased"), KeepDim(c)))),
        ("prod", c => Check(c, static (c, x) => x.Prod([c.Int("dim")]))),
        ("norm2", c => Check(c, static (c, x) => x.Norm2([c.Int("dim")]))),
        ("amax", c => Check(c, static (c, x) => x.Amax([c.Int("dim")]))),
        ("softmax", c => Check(c, static (c, x) => x.Softmax(c.Int("dim")))),
        ("log_softmax", c => Check(c, static (c, x) => x.LogSoftmax(c.Int("dim")))),
        ("cdist", c => Check(c, static (_, x) => x.Cdist(x))),
        ("max_dim", Max),
    ];

    static void Check(GoldenCase c, Func<GoldenCase, Tensor, Tensor> f)
    {
        Tensor x = c.Leaf("x");
        c.CheckAll(f(c, x), ("x", x, Layout.Same));
    }

    static void Max(GoldenCase c)
    {
        Tensor x = c.Leaf("x");
        c.CheckExact("indices", x.Argmax(c.Int("dim")));
        c.CheckAll(x.Max(c.Int("dim")), ("x", x, Layout.Same));
    }

    static int[] Dims(GoldenCase c) => c.Text("dims") == "all" ? [] : c.Ints("dims");

    static bool KeepDim(GoldenCase c) => c.Has("keepdim") && c.Flag("keepdim");
}

public sealed class LossGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All => [("cross_entropy", CrossEntropy), ("bce_with_logits", Bce)];

    static void CrossEntropy(GoldenCase c)
    {
        Tensor x = c.Leaf("x", Layout.ChannelsLast);
        Tensor t = c.Text("target") switch
        {
            "class indices" => c.Indices("t"),
            "probabilities (class dim 1)" => c.Constant("t", Layout.ChannelsLast),
            _ => throw c.Unknown("target"),
        };
        c.CheckAll(x.CrossEntropy(t, c.Number("label_smoothing"), Reduction(c)), ("x", x, Layout.ChannelsLast));
    }

    static void Bce(GoldenCase c)
    {
        Tensor x = c.Leaf("x"), t = c.Constant("t");
        c.CheckAll(x.BceWithLogits(t, c.HasTensor("pos_weight") ? c.Constant("pos_weight") : null, Reduction(c)), ("x", x, Layout.Same));
    }

    static Reduction Reduction(GoldenCase c) => c.Text("reduction") switch
    {
        "mean" => Ops.Reduction.Mean,
        "sum" => Ops.Reduction.Sum,
        "none" => Ops.Reduction.None,
        _ => throw c.Unknown("reduction"),
    };
}
