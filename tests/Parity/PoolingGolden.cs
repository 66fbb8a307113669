using MiniTorch.Ops;

namespace MiniTorch.Tests.Parity;

public sealed class PoolingGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All =>
    [
        ("max_pool2d", Of(static (c, x) => x.MaxPool([c.Int("kernel")], [c.Int("stride")], [c.Int("padding")]))),
        ("avg_pool2d", Of(static (c, x) => x.AvgPool([c.Int("kernel")], [c.Int("stride")], [c.Int("padding")], c.Flag("count_include_pad")))),
        ("adaptive_avg_pool2d", Of(static (c, x) => x.AdaptiveAvgPool(c.Ints("output_size")))),
        ("interpolate_bilinear", Of(static (c, x) => x.ResizeBilinear(c.Ints("size")[0], c.Ints("size")[1], c.Flag("align_corners")))),
    ];

    static Action<GoldenCase> Of(Func<GoldenCase, Tensor, Tensor> f) => c =>
    {
        Tensor x = c.Leaf("x", Layout.ChannelsLast);
        c.CheckAll(f(c, x), Layout.ChannelsLast, ("x", x, Layout.ChannelsLast));
    };
}
