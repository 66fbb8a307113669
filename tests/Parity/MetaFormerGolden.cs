using MiniTorch.Models;

namespace MiniTorch.Tests.Parity;

public sealed class MetaFormerGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All =>
        from name in (string[])["ConvFormer", "CAFormer"]
        from form in (string[])["", "+replace_depthwise_dcls"]
        select ($"model {name}{form}", (Action<GoldenCase>)(static c => ModelGolden.Check(c, at => new MetaFormer(at, Sizes(c), ModelGolden.Depthwise(c)))));

    internal static MetaFormerOptions Sizes(GoldenCase c) => new()
    {
        Depths = c.Ints("depths"),
        Dims = c.Ints("dims"),
        Classes = c.Int("num_classes"),
        InputChannels = c.Ints("input_shape")[1],
        AttentionStages = c.Text("token_mixers") switch { "SepConv x4" => 0, "SepConv,SepConv,Attention,Attention" => 2, _ => throw c.Unknown("token_mixers") },
        HeadChannels = c.Has("head_dim") ? c.Int("head_dim") : 32,
        Patch = c.Text("stem") switch
        {
            "7x7/4 pad 2 + LayerNormGeneral(bias=False, eps 1e-6)" => null,
            "audio 1ch (2,16)/(2,16) no bias + LayerNormGeneral(bias=False, eps 1e-6)" => [2, 16],
            _ => throw c.Unknown("stem"),
        },
    };
}
