using MiniTorch.Models;

namespace MiniTorch.Tests.Parity;

public sealed class FastVitGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All =>
        [("model FastViT", Check), ("model FastViT+replace_depthwise_dcls", Check)];

    static void Check(GoldenCase c) => ModelGolden.Check(c, at => new FastVit(at, Sizes(c), ModelGolden.Depthwise(c)));

    internal static FastVitOptions Sizes(GoldenCase c) => new()
    {
        Depths = c.Ints("layers"),
        Dims = c.Ints("embed_dims"),
        MlpRatio = c.Ints("mlp_ratios").Distinct().Single(),
        HeadChannels = c.Int("head_dim"),
        Classes = c.Int("num_classes"),
        InputChannels = c.Ints("input_shape")[1],
        Patch = c.Text("stem") switch { "3 MobileOne blocks" => null, "audio 1ch (2,16)/(2,16) no bias" => [2, 16], _ => throw c.Unknown("stem") },
    };
}
