using System.Text.Json;
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

    internal static ConvNeXt Build(GoldenCase c, ParameterScope at)
    {
        bool dcls = c.Has("dcls_kernel_size");
        ConvNeXtOptions sizes = new()
        {
            Depths = c.Ints("depths"),
            Dims = c.Ints("dims"),
            Classes = c.Int("num_classes"),
            InputChannels = c.Has("input_shape") ? c.Ints("input_shape")[1] : 3,
            Stem = !c.Has("stem") || c.Text("stem") == "3ch 4x4/4" ? [4, 4] : c.Text("stem") == "audio 1ch (2,16)/(2,16)" ? [2, 16] : throw c.Unknown("stem"),
            KernelSize = dcls ? 7 : c.Int("kernel_size"),
        };
        return new(at, sizes, dcls ? Dcls.Official(c.Text("version"), c.Int("dcls_kernel_size"), c.Int("dcls_kernel_count"), convention: Ops.Convention.Official) : null);
    }

    internal static Dictionary<string, StoredTensor> State(GoldenCase c)
        => c.Tensors.Where(static n => n.StartsWith("state.", StringComparison.Ordinal)).ToDictionary(static n => n["state.".Length..], c.Stored);

    static void Check(GoldenCase c)
    {
        c.Tolerance32 = 1e-3;           // parameter gradients of whole models
        (ConvNeXt model, ParameterStore store) = ParameterStore.Build(at => Build(c, at), c.Device, c.Type, file: State(c));
        using ParameterStore owner = store;
        Assert.Equal(c.Int("n_parameters"), store.ParameterCount);
        Tensor x = c.Leaf("x", Layout.ChannelsLast);
        Tensor logits = model.Forward(x);
        logits.Backward(c.Constant("dY"));
        c.Check("logits", logits);
        c.CheckGradient("dx", x, Layout.ChannelsLast);
        JsonElement shared = c.Json("shared_parameters");
        foreach ((string name, Tensor parameter) in store.Trainable)
        {
            Assert.False(shared.TryGetProperty(name, out _), $"{name} is an alias in the reference but an owner here");
            c.Check("grad." + name, store.ToFile(name, parameter.Gradient!).ToDoubles());
        }
    }
}
