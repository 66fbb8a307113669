using System.Globalization;
using System.Runtime.InteropServices;

namespace MiniTorch;

/// <summary>A setting of a node: a whole number, a real one, or a list of whole ones.</summary>
public readonly record struct OnnxAttribute(string Name, long? Whole = null, double? Real = null, long[]? Wholes = null);

/// <summary>One operation of ONNX on named values, with one result.</summary>
public sealed record OnnxNode(string Operation, string[] Inputs, string Output, OnnxAttribute[] Attributes);

/// <summary>
/// A forward pass as a graph in the operations of ONNX (opset 17). It is written while the pass runs: every op that is recorded from x on adds itself by <see cref="Op.Write"/>, in
/// the order and with the operands that it had, so that there is no second description of a model. What does not depend on x is a constant, under the name of the parameter that it is.
/// Values have our layout, channels last.
/// </summary>
public sealed class OnnxGraph
{
    [ThreadStatic] static OnnxGraph? current;

    readonly Dictionary<Tensor, string> values = [];
    readonly Dictionary<string, string> channelsFirst = [];
    readonly Dictionary<Tensor, string> parameters;
    readonly Dictionary<string, string> scalars = [];
    Op? made;
    Tensor?[] operands = [];
    bool depends;
    int number;

    OnnxGraph(Dictionary<Tensor, string> parameters) => this.parameters = parameters;

    /// <summary>The graph that the calling thread's forward pass is written into, or null.</summary>
    internal static OnnxGraph? Current => current;

    /// <summary>The operations, each after those whose results it takes.</summary>
    public List<OnnxNode> Nodes { get; private set; } = [];

    /// <summary>Constants by name.</summary>
    public SortedDictionary<string, StoredTensor> Constants { get; } = new(StringComparer.Ordinal);

    /// <summary>Name of the images [n, c, h, w], which go in.</summary>
    public static string Input => "image";

    /// <summary>How many numbers come out for a sample.</summary>
    public int Outputs { get; private set; }

    /// <summary>Name of what comes out.</summary>
    public static string Output => "logits";

    /// <summary>
    /// The graph of a network for any number of samples [*spatial, c]: of forward passes of one and of two, since what differs between them follows that number. A
    /// <see cref="TensorException"/> names an operation that cannot be written. The graph's input has its channels second, as its users expect.
    /// </summary>
    public static OnnxGraph Of(Func<Tensor, Tensor> forward, Shape sample, Device device, IEnumerable<(string Name, Tensor Tensor)> parameters)
    {
        Dictionary<Tensor, string> names = [];
        foreach ((string name, Tensor tensor) in parameters) names.TryAdd(tensor, name);
        OnnxGraph graph = new(names);
        graph.Pass(forward, Shape.Create([1, .. sample.Dims]), device);
        OnnxGraph two = new(names);
        two.Pass(forward, Shape.Create([2, .. sample.Dims]), device);
        graph.LeaveOpen(two);
        graph.Prune();
        return graph;
    }

    void Pass(Func<Tensor, Tensor> forward, Shape shape, Device device)
    {
        using Step step = Step.Begin();
        Tensor x = Tensor.Lasting(shape, DType.Float32, device, trainable: true);           // so that every op is recorded
        values[x] = ChannelsLast(Input, shape.Rank);
        current = this;
        try
        {
            x.Fill(0);
            Tensor y = forward(x);
            Outputs = y.Shape[^1];
            Nodes.Add(new("Identity", [values.TryGetValue(y, out string? last) ? last : throw new TensorException($"OnnxGraph: {y} does not depend on the input")], Output, []));
        }
        finally
        {
            current = null;
            x.Free();
        }
    }

    /// <summary>Sizes that are others for another number of samples follow from it: −1.</summary>
    void LeaveOpen(OnnxGraph other)
    {
        foreach ((string name, StoredTensor sizes) in Constants)
        {
            if (sizes.Type != "I64") continue;
            byte[] open = sizes.Bytes.ToArray();
            ReadOnlySpan<byte> others = other.Constants[name].Bytes.Span;
            for (int i = 0; i < open.Length; i += sizeof(long))
                if (!others.Slice(i, sizeof(long)).SequenceEqual(open.AsSpan(i, sizeof(long)))) open.AsSpan(i, sizeof(long)).Fill(0xff);
            open.CopyTo(MemoryMarshal.AsMemory(sizes.Bytes));
        }
    }

    /// <summary>An op has been made over these operands; <see cref="Ends"/> follows with its result.</summary>
    internal void Begins(Op op, ReadOnlySpan<Tensor?> inputs)
    {
        (made, operands, depends) = (op, inputs.ToArray(), false);
        foreach (Tensor? x in operands) depends |= x is not null && values.ContainsKey(x);
        if (depends && op is MultiOutputOp) throw new TensorException($"{op.Name}: an operation with several results cannot be exported to ONNX");
    }

    /// <summary>The op's result: where it depends on x, the op writes itself.</summary>
    internal void Ends(Op op, Tensor y)
    {
        if (made == op && depends) values[y] = op.Write(this, operands, y);
    }

    /// <summary>The name of an operand: a value, or a constant in our layout.</summary>
    public string Name(Tensor x) => values.TryGetValue(x, out string? name) ? name : Constant(x, null);

    /// <summary>The name of a convolution's kernel [*kernel, in/g, out] as ONNX wants it, (out, in/g, *kernel).</summary>
    public string Kernel(Tensor weight)
    {
        int rank = weight.Shape.Rank;
        int[] order = new int[rank];
        (order[0], order[1]) = (rank - 1, rank - 2);
        for (int d = 2; d < rank; d++) order[d] = d - 2;
        return Constant(weight, order);
    }

    /// <summary>Adds an operation and returns the name of its result.</summary>
    public string Node(string operation, ReadOnlySpan<string> inputs, params ReadOnlySpan<OnnxAttribute> attributes)
    {
        string output = $"{operation}_{(++number).ToString(CultureInfo.InvariantCulture)}";
        Nodes.Add(new(operation, inputs.ToArray(), output, attributes.ToArray()));
        return output;
    }

    /// <summary>A constant number.</summary>
    public string Scalar(double value)
    {
        string key = ((float)value).ToString("R", CultureInfo.InvariantCulture);
        if (scalars.TryGetValue(key, out string? known)) return known;
        Constants[$"number_{key}"] = StoredTensor.Of(Tensor.Of([(float)value], []));
        return scalars[key] = $"number_{key}";
    }

    /// <summary>A constant vector.</summary>
    public string Vector(ReadOnlySpan<double> values)
    {
        float[] floats = new float[values.Length];
        for (int i = 0; i < floats.Length; i++) floats[i] = (float)values[i];
        return Add($"vector_{++number}", StoredTensor.Of(Tensor.Of(floats, [floats.Length])));
    }

    /// <summary>A constant list of whole numbers.</summary>
    public string Wholes(ReadOnlySpan<int> values)
    {
        byte[] bytes = new byte[8 * values.Length];
        for (int i = 0; i < values.Length; i++) BitConverter.TryWriteBytes(bytes.AsSpan(8 * i), (long)values[i]);
        return Add($"sizes_{++number}", new("I64", [values.Length], bytes));
    }

    /// <summary>A value [n, *spatial, c] with its channels second.</summary>
    public string ChannelsFirst(string value, int rank)
    {
        if (channelsFirst.TryGetValue(value, out string? known)) return known;
        long[] order = new long[rank];
        order[1] = rank - 1;
        for (int d = 2; d < rank; d++) order[d] = d - 1;
        return channelsFirst[value] = Node("Transpose", [value], new OnnxAttribute("perm", Wholes: order));
    }

    /// <summary>A value [n, c, *spatial] with its channels last.</summary>
    public string ChannelsLast(string value, int rank)
    {
        long[] order = new long[rank];
        order[^1] = 1;
        for (int d = 1; d < rank - 1; d++) order[d] = d + 1;
        string last = Node("Transpose", [value], new OnnxAttribute("perm", Wholes: order));
        channelsFirst[last] = value;
        return last;
    }

    string Constant(Tensor x, int[]? order)
    {
        string name = parameters.TryGetValue(x, out string? parameter) ? parameter : $"constant_{++number}";
        if (Constants.ContainsKey(name)) return name;
        StoredTensor stored = StoredTensor.Of(x);
        return Add(name, order is null ? stored : stored.Permute(order));
    }

    string Add(string name, StoredTensor constant)
    {
        Constants[name] = constant;
        return name;
    }

    /// <summary>Takes out nodes whose result nobody takes: transposes for nothing.</summary>
    void Prune()
    {
        HashSet<string> taken = [Output];
        List<OnnxNode> kept = [];
        for (int i = Nodes.Count - 1; i >= 0; i--)
        {
            if (!taken.Contains(Nodes[i].Output)) continue;
            kept.Add(Nodes[i]);
            foreach (string input in Nodes[i].Inputs) taken.Add(input);
        }
        kept.Reverse();
        Nodes = kept;
        foreach (string name in (string[])[.. Constants.Keys])
            if (!taken.Contains(name)) Constants.Remove(name);
    }
}
