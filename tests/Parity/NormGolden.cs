using MiniTorch.Ops;

namespace MiniTorch.Tests.Parity;

public sealed class NormGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All =>
    [
        ("layer_norm", c =>
        {
            if (c.Text("normalized") != "last dim") throw c.Unknown("normalized");
            Check(c, Layout.Same, static (c, x, w, b) => x.LayerNorm(w, b, c.Number("eps")));
        }),
        ("layer_norm_channels_first", c => Check(c, Layout.ChannelsLast, static (c, x, w, b) => x.LayerNorm(w, b, c.Number("eps")))),
        ("group_norm", c => Check(c, Layout.ChannelsLast, static (c, x, w, b) => x.GroupNorm(c.Int("groups"), w, b, c.Number("eps")))),
        ("batch_norm", c =>
        {
            bool training = c.Flag("training");
            Tensor mean = c.Statistic("running_mean"), variance = c.Statistic("running_var");
            Check(c, Layout.ChannelsLast, (c, x, w, b) => x.BatchNorm(w, b, mean, variance, training ? Statistics.Batch : Statistics.Running, c.Number("momentum"), c.Number("eps")));
            if (!c.HasTensor("after.running_mean")) return;
            c.Check("after.running_mean", mean);
            c.Check("after.running_var", variance);
        }),
    ];

    static void Check(GoldenCase c, Layout layout, Func<GoldenCase, Tensor, Tensor?, Tensor?, Tensor> norm)
    {
        Tensor x = c.Leaf("x", layout);
        Tensor? w = c.HasTensor("w") ? c.Leaf("w") : null, b = c.HasTensor("b") ? c.Leaf("b") : null;
        List<(string, Tensor, Layout)> leaves = [("x", x, layout)];
        if (w is not null) leaves.Add(("w", w, Layout.Same));
        if (b is not null) leaves.Add(("b", b, Layout.Same));
        c.CheckAll(norm(c, x, w, b), layout, [.. leaves]);
    }
}
