using MiniTorch.Models;
using PureHDF;
using PureHDF.VOL.Native;

namespace MiniTorch.Tests.Spiking;

/// <summary>A file is read back and its nodes are taken at their word: Euler steps of a frame in double, every edge into a node summed.</summary>
public sealed class NirFileTests : IDisposable
{
    const double Frame = 0.01;
    const int Time = 40, Batch = 3;

    static readonly SnnOptions small = new() { Inputs = 9, Hidden = [14, 11], Classes = 4, MaxDelay = 7, Tau = 1.6, Dropout = 0.4 };

    readonly string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():n}.nir");

    public void Dispose() => File.Delete(path);

    static SnnOptions Form(string form) => form switch
    {
        "delays" => small,
        "taps, biases" => small with { KernelCount = 2, Bias = true, Sparsity = 0.3 },
        "learned tau, no norm" => small with { LearnTau = true, BatchNorm = false },
        "recurrent" => small with { Delays = DelayKind.Recurrent },
        "spikes counted" => small with { ReadOut = ReadOut.SpikeCount },
        _ => small with { Delays = DelayKind.None },
    };

    [Theory, InlineData("delays"), InlineData("taps, biases"), InlineData("learned tau, no norm"), InlineData("spikes counted"), InlineData("no delays"), InlineData("recurrent")]
    public void What_is_read_back_spikes_as_the_network_does(string form)
    {
        SnnOptions options = Form(form);
        (SnnDelays net, ParameterStore store) = ParameterStore.Build(at => new SnnDelays(at, options), seed: 4);
        using ParameterStore owner = store;
        RandomStream random = new(8, 1);
        foreach ((string name, Tensor value) in store.All)
            if (name.Contains("running_mean", StringComparison.Ordinal)) value.WriteDoubles([.. value.ToDoubles().Select(_ => random.NextDouble() - 0.5)]);
            else if (name.Contains("running_var", StringComparison.Ordinal)) value.WriteDoubles([.. value.ToDoubles().Select(_ => 0.2 + random.NextDouble())]);
            else if (name == "model.8.weight") value.WriteDoubles([.. value.ToDoubles().Select(static v => 3 * v)]);
            else if (name is "model.1.bias" or "model.1.weight") value.WriteDoubles([.. value.ToDoubles().Select(v => v + 0.3 * random.NextDouble())]);
        float[] x = [.. Enumerable.Range(0, Time * Batch * options.Inputs).Select(_ => random.NextInt(3) == 0 ? 1f + random.NextInt(2) : 0)];
        NirFile.Write(path, net, Frame);
        double[][] spikes;
        double[] membrane;
        using (Step step = Step.Begin())
        using (Tape.Paused())
        {
            (IReadOnlyList<Tensor> fired, Tensor last) = net.Simulate(Tensor.Of(x, [Time, Batch, options.Inputs]));
            (spikes, membrane) = ([.. fired.Select(static s => s.ToDoubles())], last.ToDoubles());
        }
        int after = options.Delays != DelayKind.Learned ? 0 : options.MaxDelay / 2;
        using NativeFile file = H5File.OpenRead(path);
        Assert.Equal("NIRGraph", file.Dataset("node/type").Read<string>());
        Assert.Equal(after, file.Dataset("node/metadata/steps_after").Read<int>());
        Assert.All(spikes[..^1], static layer => Assert.InRange(layer.Average(), 0.02, 0.98));
        if (options.ReadOut == ReadOut.SpikeCount) Assert.InRange(spikes[^1].Average(), 0.02, 0.98);
        for (int b = 0; b < Batch; b++)
        {
            Dictionary<string, double[][]> run = Interpret(file, [.. Enumerable.Range(0, Time).Select(t => Enumerable.Range(0, options.Inputs).Select(i => (double)x[(t * Batch + b) * options.Inputs + i]).ToArray())], after);
            for (int layer = 0; layer < spikes.Length; layer++)
            {
                bool isRead = layer == spikes.Length - 1 && options.ReadOut != ReadOut.SpikeCount;
                int steps = Time + (layer + 1) * after, width = spikes[layer].Length / steps / Batch;
                double[] own = [.. Enumerable.Range(0, steps).SelectMany(t => (isRead ? membrane : spikes[layer])[((t * Batch + b) * width)..((t * Batch + b + 1) * width)])];
                double[] theirs = [.. run[$"neurons_{layer}"].Take(steps).SelectMany(static s => s)];
                if (isRead) Gradients.OpCaseTests.Close(own, theirs, 1e-5, "membranes");
                else Assert.Equal(own, theirs);
            }
        }
    }

    [Fact]
    public void What_nir_cannot_hold_is_refused()
    {
        Assert.Contains("synapse filters", Refused(small with { SynapseTau = 2 }));
        Assert.Contains("fractions of a step", Refused(small with { Rounded = false }));
    }

    string Refused(SnnOptions options)
    {
        (SnnDelays net, ParameterStore store) = ParameterStore.Build(at => new SnnDelays(at, options));
        using ParameterStore owner = store;
        return Assert.Throws<ArgumentException>(() => NirFile.Write(path, net)).Message;
    }

    /// <summary>What each node puts out, step after step. The neurons of layer n fall silent `after` · (n + 1) steps behind the input.</summary>
    static Dictionary<string, double[][]> Interpret(NativeFile file, double[][] input, int after)
    {
        string[] edges = file.Dataset("node/edges").Read<string[]>();
        Assert.Equal([(ulong)edges.Length / 2, 2ul], file.Dataset("node/edges").Space.Dimensions);
        IH5Group nodes = file.Group("node/nodes");
        Dictionary<string, Node> all = nodes.Children().OfType<IH5Group>().ToDictionary(static g => g.Name, static g => new Node(g));
        int steps = input.Length + all.Count * after;
        Dictionary<string, double[][]> puts = all.Keys.ToDictionary(static n => n, _ => new double[steps][]);
        for (int t = 0; t < steps; t++)
        {
            foreach (string name in Order(all.Keys, edges))
            {
                string[] sources = [.. edges.Chunk(2).Where(e => e[1] == name).Select(static e => e[0])];
                double[] from(int at, string source) => at < 0 ? new double[all[source].Width] : puts[source][at];
                Node node = all[name];
                double[] sum(int at) => sources.Select(s => from(IsRecurrent(s) ? at - 1 : at, s)).Aggregate(static (a, b) => [.. a.Zip(b, static (p, q) => p + q)]);
                puts[name][t] = node.Type switch
                {
                    "Input" => t < input.Length ? input[t] : new double[input[0].Length],
                    "Output" => sum(t),
                    "Delay" => sum(t - (int)Math.Round(node["delay"][0] / Frame)),
                    "Linear" or "Affine" => node.Apply(sum(t)),
                    _ => node.Advance(sum(t), isSilent: t >= input.Length + (1 + (name[^1] - '0')) * after),
                };
            }
        }
        return puts;
    }

    static bool IsRecurrent(string name) => name.StartsWith("recurrent", StringComparison.Ordinal);

    /// <summary>Each node behind all that it takes from.</summary>
    static List<string> Order(IEnumerable<string> names, string[] edges)
    {
        List<string> order = [], rest = [.. names];
        while (rest.Count > 0)
        {
            string next = rest.First(n => edges.Chunk(2).All(e => e[1] != n || IsRecurrent(e[0]) || order.Contains(e[0])));
            order.Add(next);
            rest.Remove(next);
        }
        return order;
    }

    sealed class Node(IH5Group group)
    {
        readonly Dictionary<string, double[]> values = group.Children().OfType<IH5Dataset>().Where(static d => d.Name != "type" && d.Name != "shape")
            .ToDictionary(static d => d.Name, static d => Array.ConvertAll(d.Read<float[]>(), static v => (double)v));

        double[]? v;

        /// <summary>What it puts out.</summary>
        internal int Width => (int)(values.ContainsKey("weight") ? group.Dataset("weight").Space.Dimensions[0] : values.Count > 0 ? (ulong)values.First().Value.Length : (ulong)group.Dataset("shape").Read<long[]>()[0]);

        internal string Type { get; } = group.Dataset("type").Read<string>();

        internal double[] this[string name] => values[name];

        internal double[] Apply(double[] x) => [.. this["weight"].Chunk(x.Length).Select((row, o) => row.Zip(x, static (w, a) => w * a).Sum() + (Type == "Affine" ? this["bias"][o] : 0))];

        internal double[] Advance(double[] current, bool isSilent)
        {
            v ??= new double[current.Length];
            double[] spikes = new double[v.Length];
            for (int i = 0; i < v.Length; i++)
            {
                v[i] += Frame / this["tau"][i] * (this["v_leak"][i] - v[i] + this["r"][i] * current[i]);
                if (Type != "LIF" || !(v[i] > this["v_threshold"][i])) continue;
                (spikes[i], v[i]) = (isSilent ? 0 : 1, this["v_reset"][i]);
            }
            return Type == "LIF" ? spikes : [.. v];
        }
    }
}
