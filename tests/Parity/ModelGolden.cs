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
        if (c.Mixed)
        {
            Agree(c, build);
            return;
        }
        foreach ((string name, double[] values) in Run(c, build)) c.Check(name, values, name == "dx" ? Layout.ChannelsLast : null);
    }

    /// <summary>
    /// Mixed precision, by the 2-norms of all errors, of the logits and of all gradients together, beside the same network in float64 whose every result and gradient is rounded to bf16: nine such, which
    /// differ in chance of 1e-5 of a value before each rounding, as sums in another order do. These networks have random weights, which amplify, and kinks, which an element near zero passes or does not:
    /// gradients of the nine are off by 7 to 54 % for one of them. So ours is hardly further off than the furthest of them, and as near to one of them as the best of them is to the truth, times a few.
    /// </summary>
    static void Agree(GoldenCase c, Func<ParameterScope, ILayer> build)
    {
        const int Many = 9;
        const double Further = 1.3, Nearer = 2.5;
        using CpuDevice cpu = new(2);
        List<(string Name, double[] Values)> actual = Run(c, build);
        List<(string Name, double[] Values)>[] rounded = [.. Enumerable.Range(0, Many).Select(i => Run(c.On(cpu, DType.Float64), build, new(new((ulong)i, 1))))];
        double[][] expected = [.. actual.Select(r => c.Read(r.Name, r.Name == "dx" ? Layout.ChannelsLast : Layout.Same).Values)];
        foreach ((string what, int from, int to) in ((string, int, int)[])[("logits", 0, 1), ("gradients", 1, actual.Count)])
        {
            double size = Apart(static _ => null, r => expected[r]), error = Off(actual), near = rounded.Min(o => Apart(r => o[r].Values, r => actual[r].Values)) / size;
            double least = rounded.Min(Off), most = rounded.Max(Off);
            string told = $"{c.Name}: {what} are off by {error:e2}, where only rounding is wrong by {least:e2} to {most:e2}, and {near:e2} from the nearest of those";
            TestContext.Current.TestOutputHelper?.WriteLine(told);
            Assert.True(error <= Further * most && near <= Nearer * least, told);

            double Off(List<(string Name, double[] Values)> results) => Apart(r => expected[r], r => results[r].Values) / size;

            double Apart(Func<int, double[]?> a, Func<int, double[]> b)
            {
                double sum = 0;
                for (int r = from; r < to; r++)
                    for (int i = 0; i < expected[r].Length; i++) sum += Math.Pow((a(r)?[i] ?? 0) - b(r)[i], 2);
                return Math.Sqrt(sum);
            }
        }
    }

    /// <summary>Logits and gradients by the names of the file; with a rounding, all is rounded to bf16 that mixed precision rounds: all but the taps of DCLS layers and what is summed within an op.</summary>
    static List<(string Name, double[] Values)> Run(GoldenCase c, Func<ParameterScope, ILayer> build, Rounding? rounding = null)
    {
        (ILayer model, ParameterStore store) = ParameterStore.Build(build, c.Device, c.Type, file: State(c));
        using ParameterStore owner = store;
        store.Statistics = Statistics.Running;
        Assert.Equal(c.Int("n_parameters"), store.ParameterCount);
        Tensor x = c.Leaf("x", Layout.ChannelsLast);
        Tensor dy = c.Constant("dY");
        HashSet<Tensor> taps = [.. store.Constrained.OfType<Dcls>().SelectMany(static d => (IEnumerable<Tensor?>)[d.Weight, d.Position, d.Sigma]).OfType<Tensor>()];
        Tensor[] met = [.. store.Trainable.Select(static p => p.Tensor).Where(p => !taps.Contains(p))];
        double[] values;
        try
        {
            if (rounding is not null)
            {
                foreach (Tensor t in (IEnumerable<Tensor>)[x, dy, .. met]) rounding.Of(t);
                Tape.Shown = t => { if (!t.Storage.Lasting) rounding.Of(t); };
            }
            Tensor logits = c.Network(model, store).Forward(x);
            values = logits.ToDoubles();
            logits.Backward(dy);
        }
        finally
        {
            Tape.Shown = null;
        }
        foreach (Tensor t in (IEnumerable<Tensor>)[x, .. met]) rounding?.Of(t.Gradient!);
        JsonElement shared = c.Json("shared_parameters");
        foreach ((string name, _) in store.Trainable) Assert.False(shared.TryGetProperty(name, out _), $"{name} is an alias in the reference but an owner here");
        return [("logits", values), ("dx", x.Gradient!.ToDoubles()), .. store.Trainable.Select(p => ("grad." + p.Name, store.ToFile(p.Name, p.Tensor.Gradient!).ToDoubles()))];
    }

    /// <summary>To the nearest numbers of bf16 after a little chance.</summary>
    sealed class Rounding(RandomStream random)
    {
        const double Chance = 1e-5;

        /// <summary>Where it lies: a result may be saved already.</summary>
        internal unsafe void Of(Tensor x)
        {
            foreach (ref double v in new Span<double>((void*)x.Address, x.Count)) v = (double)(BFloat16)(v * (1 + Chance * (random.NextDouble() - 0.5)));
        }
    }
}
