using System.Text.Json;
using MiniTorch.Models;
using MiniTorch.Ops;
using MiniTorch.Tests.Cuda;

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
        if (c.Mixed)
        {
            Agree(c, build);
            return;
        }
        foreach ((string name, double[] values) in Run(c, build, rounded: false)) c.Check(name, values, name == "dx" ? Layout.ChannelsLast : null);
    }

    /// <summary>
    /// Mixed precision: the 2-norm of all errors within 2e-2 of that of the results, for the logits and for all gradients together. These networks have random weights, which amplify: where rounding
    /// the parameters and the input alone moves the same network in float64 by more than a third of a percent, rounding every activation as well may move it six times as far. The ConvNeXts need none of that.
    /// </summary>
    static void Agree(GoldenCase c, Func<ParameterScope, ILayer> build)
    {
        const double Amplified = 6;
        using CpuDevice cpu = new(2);
        List<(string Name, double[] Values)> moved = Run(c.On(cpu, DType.Float64), build, rounded: true), actual = Run(c, build, rounded: false);
        double[][] expected = [.. actual.Select(r => c.Read(r.Name, r.Name == "dx" ? Layout.ChannelsLast : Layout.Same).Values)];
        foreach ((string what, int from, int to) in ((string, int, int)[])[("logits", 0, 1), ("gradients", 1, actual.Count)])
        {
            double size = Distance(null), error = Distance(actual) / size, change = Distance(moved) / size;
            TestContext.Current.TestOutputHelper?.WriteLine($"{c.Name}: {what} are off by {error:e1}, {change:e1} from rounding parameters and input");
            Assert.True(error <= (c.Name.Contains("convnext", StringComparison.Ordinal) ? BrainAgreement.Tolerance : Math.Max(BrainAgreement.Tolerance, Amplified * change)), $"{c.Name}: {what} are off by {error:e1}, rounding parameters and input alone moves them by {change:e1}");

            double Distance(List<(string Name, double[] Values)>? results)
            {
                double sum = 0;
                for (int r = from; r < to; r++)
                    for (int i = 0; i < expected[r].Length; i++) sum += Math.Pow(expected[r][i] - (results?[r].Values[i] ?? 0), 2);
                return Math.Sqrt(sum);
            }
        }
    }

    /// <summary>Logits and gradients by the names of the file; of parameters and an input that were rounded to bf16, if so wanted.</summary>
    static List<(string Name, double[] Values)> Run(GoldenCase c, Func<ParameterScope, ILayer> build, bool rounded)
    {
        (ILayer model, ParameterStore store) = ParameterStore.Build(build, c.Device, c.Type, file: State(c));
        using ParameterStore owner = store;
        store.Statistics = Statistics.Running;
        Assert.Equal(c.Int("n_parameters"), store.ParameterCount);
        Tensor x = c.Leaf("x", Layout.ChannelsLast);
        if (rounded)
            foreach (Tensor t in (IEnumerable<Tensor>)[x, .. store.Trainable.Select(static p => p.Tensor)]) t.WriteDoubles(BrainAgreement.Rounded(t.ToDoubles()));
        Tensor logits = c.Network(model, store).Forward(x);
        double[] values = logits.ToDoubles();
        logits.Backward(c.Constant("dY"));
        JsonElement shared = c.Json("shared_parameters");
        foreach ((string name, _) in store.Trainable) Assert.False(shared.TryGetProperty(name, out _), $"{name} is an alias in the reference but an owner here");
        return [("logits", values), ("dx", x.Gradient!.ToDoubles()), .. store.Trainable.Select(p => ("grad." + p.Name, store.ToFile(p.Name, p.Tensor.Gradient!).ToDoubles()))];
    }
}
