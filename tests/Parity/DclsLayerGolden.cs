using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Parity;

public sealed class DclsLayerGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All =>
    [
        ("dcls-conv Dcls1d", static c => Check(c, static (c, at) => new Dcls1d(at, c.Int("in_channels"), c.Int("out_channels"), c.Int("kernel_count"), Axes(c, "dilated_kernel_size"),
            Axes(c, "stride"), Axes(c, "padding"), c.Int("groups"), c.Flag("bias"), ShapeGolden.Mode(c, "padding_mode"), Interpolation.Parse(c.Text("version"))))),
        ("dcls-conv Dcls2d", static c => Check(c, static (c, at) => new Dcls2d(at, c.Int("in_channels"), c.Int("out_channels"), c.Int("kernel_count"), Axes(c, "dilated_kernel_size"),
            Axes(c, "stride"), Axes(c, "padding"), c.Int("groups"), c.Flag("bias"), ShapeGolden.Mode(c, "padding_mode"), Interpolation.Parse(c.Text("version"))))),
        ("dcls-conv Dcls3d", static c => Check(c, static (c, at) => new Dcls3d(at, c.Int("in_channels"), c.Int("out_channels"), c.Int("kernel_count"), Axes(c, "dilated_kernel_size"),
            Axes(c, "stride"), Axes(c, "padding"), c.Int("groups"), c.Flag("bias"), ShapeGolden.Mode(c, "padding_mode"), Interpolation.Parse(c.Text("version"))))),
    ];

    static PerAxis Axes(GoldenCase c, string key) => PerAxis.Create(c.Ints(key));

    static void Check(GoldenCase c, Func<GoldenCase, ParameterScope, Dcls> build)
    {
        string[] names = [.. new[] { "weight", "P", "SIG", "bias" }.Where(c.HasTensor)];
        (Dcls layer, ParameterStore store) = ParameterStore.Build(at => build(c, at), c.Device, c.Type, file: names.ToDictionary(static n => n, c.Stored));
        using ParameterStore owner = store;
        Tensor x = c.Leaf("x", Layout.ChannelsLast);
        c.CheckAll(layer.Forward(x), Layout.ChannelsLast, ("x", x, Layout.ChannelsLast));
        foreach (string name in names) c.Check("d" + name, store.ToFile(name, store[name].Gradient!).ToDoubles());
    }
}
