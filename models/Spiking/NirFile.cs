using MiniTorch.Ops;
using PureHDF;
using PureHDF.Filters;
using PureHDF.VOL.Native;

namespace MiniTorch.Models;

/// <summary>
/// Writes a <see cref="SnnDelays"/> as a graph of the neuromorphic intermediate representation (NIR), HDF5: /version, and /node with type, nodes/NAME/{type, ...} and edges
/// [count, 2], from and to. Source: Pedersen et al., arXiv 2311.14641, and the files of the nir package.
/// </summary>
/// <remarks>
/// <para>
/// NIR delays are those of neurons, ours those of synapses: for each whole delay d that a layer has, a Delay node delays all its inputs by d · frame seconds, and a Linear node has the
/// weights of the synapses of that delay, 0 elsewhere. What enters a node from several edges is summed. Nothing is lost, and no node is used beside its meaning: a Conv1d convolves
/// space, not time. Batch norm with running statistics is in the weights and in the bias of an Affine node, the first of a layer.
/// </para>
/// <para>
/// LIF is τ dv/dt = (v_leak − v) + r · I, fires where v exceeds v_threshold, and is then set to v_reset. Its Euler step of one frame, v + (frame / τ) ((v_leak − v) + r · I), is our
/// v − v / n + I of a time constant of n steps for τ = n · frame, r = n, v_leak = 0. We fire where v ≥ θ: v_threshold is the number before θ. An output that does not fire is
/// an LI, the same without threshold; what is read from its membranes is metadata read_out. A recurrent Linear node has the spikes of the step before.
/// </para>
/// <para>NIR has no end of time: a layer here is heard for after · (its number from 1) steps longer than the input, of metadata steps_after, and is silent from then on.</para>
/// </remarks>
public static class NirFile
{
    const string Version = "1.0";

    /// <summary>Writes a file beside and renames it. A <paramref name="frame"/> is the seconds of a step. An <see cref="ArgumentException"/> says what NIR cannot hold.</summary>
    public static void Write(string path, SnnDelays net, double frame = 0.01)
    {
        if (!net.Options.Rounded && net.Delays.Count > 0) throw new ArgumentException("the network is evaluated with fractions of a step, for which NIR has no node; build it with Rounded = true");
        if (net.Options.SynapseTau is not null) throw new ArgumentException("the network has synapse filters, whose decay depends on their input: NIR has no node for them");
        Graph graph = new(frame);
        string last = graph.Add("input", "Input", new() { ["shape"] = new[] { (long)net.Options.Inputs } });
        for (int i = 0; i < net.Stages.Count; i++) last = graph.Add(net.Stages[i], i, last);
        graph.Add("output", "Output", new() { ["shape"] = new[] { (long)net.Options.Classes } }, last);
        H5Group metadata = new() { ["frame_seconds"] = frame, ["read_out"] = net.Options.ReadOut.ToString(), ["steps_after"] = net.Delays.Count > 0 ? net.Options.MaxDelay / 2 : 0 };
        H5File file = new() { ["version"] = Version, ["node"] = graph.Whole(metadata) };
        string beside = path + ".part";
        file.Write(beside);
        File.Move(beside, path, overwrite: true);
    }

    /// <summary>Nodes and edges as they come to be.</summary>
    sealed class Graph(double frame)
    {
        readonly H5Group nodes = [];
        readonly List<string> edges = [];

        internal H5Group Whole(H5Group metadata) => new()
        {
            ["type"] = "NIRGraph", ["nodes"] = nodes, ["metadata"] = metadata,
            ["edges"] = new H5Dataset(edges.ToArray(), fileDims: [(ulong)edges.Count / 2, 2]),
        };

        internal string Add(string name, string type, Dictionary<string, object> values, string? from = null)
        {
            H5Group node = new() { ["type"] = type };
            foreach ((string key, object value) in values) node[key] = value;
            nodes[name] = node;
            if (from is not null) Edge(from, name);
            return name;
        }

        void Edge(string from, string to) => edges.AddRange(from, to);

        /// <summary>A layer of neurons and its synapses; its name.</summary>
        internal string Add(SnnDelays.Stage stage, int number, string from)
        {
            (SortedDictionary<int, double[]> weights, double[]? bias, int inputs, int outputs) = Synapses(stage);
            string neurons = AddNeurons(stage.Neurons, $"neurons_{number}", outputs);
            bool first = true;
            foreach ((int delay, double[] cells) in weights)
            {
                string source = delay == 0 ? from : Add($"delay_{number}_{delay}", "Delay", new() { ["delay"] = All(delay * frame, inputs) }, from);
                Dictionary<string, object> values = new() { ["weight"] = Matrix(cells, outputs, inputs) };
                if (first && bias is not null) values["bias"] = Singles(bias);
                Edge(Add($"weight_{number}_{delay}", values.Count == 2 ? "Affine" : "Linear", values, source), neurons);
                first = false;
            }
            if (stage.Neurons is RecurrentLif { Recurrent: var r })
                Edge(Add($"recurrent_{number}", "Linear", new() { ["weight"] = Matrix(r.Permute(1, 0).ToDoubles(), outputs, outputs) }, neurons), neurons);
            return neurons;
        }

        string AddNeurons(INeurons neurons, string name, int count)
        {
            bool fires = neurons.Threshold < ReadOut.Sum.Threshold;
            Dictionary<string, object> values = new() { ["tau"] = All(neurons.Tau * frame, count), ["r"] = All(neurons.Tau, count), ["v_leak"] = All(0, count) };
            if (fires) (values["v_reset"], values["v_threshold"]) = (All(0, count), All(float.BitDecrement((float)neurons.Threshold), count));
            return Add(name, fires ? "LIF" : "LI", values);
        }
    }

    /// <summary>Weights [out, in] of each delay that occurs, and biases, with batch norm in them.</summary>
    static (SortedDictionary<int, double[]> Weights, double[]? Bias, int Inputs, int Outputs) Synapses(SnnDelays.Stage stage)
    {
        (Tensor weight, Tensor? position, Tensor? added, int window) = stage.Connections switch
        {
            DelayLayer d => (d.Taps.Weight, d.Taps.Position, d.Taps.Bias, d.Window),
            Linear l => (l.Weight, (Tensor?)null, l.Bias, 1),
            _ => throw new ArgumentException($"NIR has no nodes for {stage.Connections.GetType().Name}"),
        };
        (int inputs, int outputs) = (weight.Shape[^2], weight.Shape[^1]);
        double[] values = weight.ToDoubles();
        double[]? bias = added?.ToDoubles(), positions = position?.ToDoubles();
        SortedDictionary<int, double[]> weights = [];
        (double[] scale, double[] shift) = stage.Norm?.Affine() ?? ([.. Enumerable.Repeat(1.0, outputs)], new double[outputs]);
        for (int tap = 0; tap < values.Length; tap++)
        {
            int delay = positions is null ? 0 : RoundedDelays.Delay(positions[tap], window), i = tap / outputs % inputs, o = tap % outputs;
            if (!weights.TryGetValue(delay, out double[]? cells)) weights[delay] = cells = new double[outputs * inputs];
            cells[o * inputs + i] += values[tap] * scale[o] * (positions is null ? 1 : RoundedDelays.Normalisation);
        }
        if (stage.Norm is not null) bias = [.. shift.Select((s, o) => s + scale[o] * (bias?[o] ?? 0))];
        return (weights, bias, inputs, outputs);
    }

    static float[] All(double value, int count) => [.. Enumerable.Repeat((float)value, count)];

    static float[] Singles(double[] values) => Array.ConvertAll(values, static v => (float)v);

    /// <summary>Mostly zeros, so that they are packed.</summary>
    static H5Dataset Matrix(double[] values, int rows, int columns)
        => new(Singles(values), chunks: [(uint)rows, (uint)columns], fileDims: [(ulong)rows, (ulong)columns], datasetCreation: new H5DatasetCreation(Filters: [DeflateFilter.Id]));
}
