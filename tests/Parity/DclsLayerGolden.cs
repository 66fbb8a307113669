using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Parity;

public sealed class DclsLayerGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All =>
    [
        Of("Dcls1d", static (c, at) => new Dcls1d(at, c.Int("in_channels"), c.Int("out_channels"), c.Int("kernel_count"), Axes(c, "dilated_kernel_size"),
            Axes(c, "stride"), Axes(c, "padding"), c.Int("groups"), c.Flag("bias"), Mode(c), Version(c), official)),
        Of("Dcls2d", static (c, at) => new Dcls2d(at, c.Int("in_channels"), c.Int("out_channels"), c.Int("kernel_count"), Axes(c, "dilated_kernel_size"),
            Axes(c, "stride"), Axes(c, "padding"), c.Int("groups"), c.Flag("bias"), Mode(c), Version(c), official)),
        Of("Dcls3d", static (c, at) => new Dcls3d(at, c.Int("in_channels"), c.Int("out_channels"), c.Int("kernel_count"), Axes(c, "dilated_kernel_size"),
            Axes(c, "stride"), Axes(c, "padding"), c.Int("groups"), c.Flag("bias"), Mode(c), Version(c), official)),
        Of("Dcls2_1d", static (c, at) => new Dcls2_1d(at, c.Int("in_channels"), c.Int("out_channels"), c.Int("kernel_count"), Axes(c, "dense_kernel_size"),
            Axes(c, "dilated_kernel_size"), Axes(c, "stride"), Axes(c, "padding"), c.Int("groups"), c.Flag("bias"), Mode(c), Version(c), official)),
        Of("Dcls3_1d", static (c, at) => new Dcls3_1d(at, c.Int("in_channels"), c.Int("out_channels"), c.Int("kernel_count"), Axes(c, "dense_kernel_size"),
            Axes(c, "dilated_kernel_size"), Axes(c, "stride"), Axes(c, "padding"), c.Int("groups"), c.Flag("bias"), Mode(c), Version(c), official)),
        Of("Dcls2dK1d", static (c, at) => new Dcls2dK1d(at, c.Int("in_channels"), c.Int("out_channels"), c.Int("kernel_count"), Axes(c, "dilated_kernel_size"),
            Axes(c, "stride"), Axes(c, "padding"), c.Int("groups"), c.Flag("bias"), Mode(c), Version(c), c.Int("flat_dim"), official)),
    ];

    static readonly DclsOptions official = new() { Convention = Convention.Official };

    static (string, Action<GoldenCase>) Of(string module, Func<GoldenCase, ParameterScope, Dcls> build) => ($"dcls-conv {module}", c => Check(c, build));

    static PerAxis Axes(GoldenCase c, string key) => PerAxis.Create(c.Ints(key));
    static PaddingMode Mode(GoldenCase c) => ShapeGolden.Mode(c, "padding_mode");
    static Interpolation Version(GoldenCase c) => Interpolation.Parse(c.Text("version"));

    static void Check(GoldenCase c, Func<GoldenCase, ParameterScope, Dcls> build)
    {
        string[] names = [.. new[] { "weight", "P", "SIG", "bias" }.Where(c.HasTensor)];
        (Dcls layer, ParameterStore store) = ParameterStore.Build(at => build(c, at), c.Device, c.Type, file: names.ToDictionary(static n => n, c.Stored));
        using ParameterStore owner = store;
        Tensor x = c.Leaf("x", Layout.ChannelsLast);
        c.CheckAll(c.Network(layer, store).Forward(x), Layout.ChannelsLast, ("x", x, Layout.ChannelsLast));
        foreach (string name in names) c.Check("d" + name, store.ToFile(name, store[name].Gradient!).ToDoubles());
    }
}
