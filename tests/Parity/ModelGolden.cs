using System.Text.Json;
using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Parity;

/// <summary>A whole model at evaluation: logits, and the gradients of the input and of every parameter.</summary>
static class ModelGolden
{
    /// <summary>The depthwise layers the case wants: plain ones, or the official DCLS replacement.</summary>
    internal static Depthwise? Depthwise(GoldenCase c)
        => c.Has("dcls_kernel_size") ? Dcls.Official(c.Text("version"), c.Int("dcls_kernel_size"), c.Int("dcls_kernel_count"), convention: Convention.Official) : null;

    internal static Dictionary<string, StoredTensor> State(GoldenCase c)
        => c.Tensors.Where(static n => n.StartsWith("state.", StringComparison.Ordinal)).ToDictionary(static n => n["state.".Length..], c.Stored);

    internal static void Check(GoldenCase c, Func<ParameterScope, ILayer> build)
    {
        if (c.Text("mode") != "eval") throw c.Unknown("mode");
        c.Tolerance32 = 1e-3;           // parameter gradients of whole models
        (ILayer model, ParameterStore store) = ParameterStore.Build(build, c.Device, c.Type, file: State(c));
        using ParameterStore owner = store;
        store.Statistics = Statistics.Running;
        Assert.Equal(c.Int("n_parameters"), store.ParameterCount);
        Tensor x = c.Leaf("x", Layout.ChannelsLast);
        Tensor logits = c.Network(model, store).Forward(x);
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
