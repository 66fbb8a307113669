using MiniTorch.Models;

namespace MiniTorch.Tests.Parity;

public sealed class ConvNeXtGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All =>
    [
        ("model ConvNeXt", Check),
        ("model ConvNeXt_dcls", Check),
        ("model ConvNeXt+replace_depthwise_dcls", Check),
    ];

    internal static ConvNeXt Build(GoldenCase c, ParameterScope at) => new(at, Sizes(c), ModelGolden.Depthwise(c));

    internal static ConvNeXtOptions Sizes(GoldenCase c) => new()
    {
        Depths = c.Ints("depths"),
        Dims = c.Ints("dims"),
        Classes = c.Int("num_classes"),
        InputChannels = c.Has("input_shape") ? c.Ints("input_shape")[1] : 3,
        Stem = !c.Has("stem") || c.Text("stem") == "3ch 4x4/4" ? [4, 4] : c.Text("stem") == "audio 1ch (2,16)/(2,16)" ? [2, 16] : throw c.Unknown("stem"),
        KernelSize = c.Has("dcls_kernel_size") ? 7 : c.Int("kernel_size"),
    };

    static void Check(GoldenCase c) => ModelGolden.Check(c, at => Build(c, at));
}
