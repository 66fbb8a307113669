using System.Globalization;
using System.Text.Json;
using MiniTorch.Models;
using MiniTorch.Tests.Cuda;

namespace MiniTorch.Tests.Parity;

/// <summary>One reference file at one precision: hands out its inputs, compares what is computed with what it stores, and insists that every tensor is used.</summary>
public sealed class GoldenCase
{
    readonly Safetensors file;
    readonly HashSet<string> unread;
    readonly List<string> failures = [];

    public GoldenCase(string path, DType type, Device device) : this(Path.GetFileNameWithoutExtension(path), Safetensors.Read(path), type, device) { }

    GoldenCase(string name, Safetensors file, DType type, Device device) => (Name, this.file, Type, Device, unread) = (name, file, type, device, [.. file.Tensors.Keys]);

    public string Name { get; }
    public DType Type { get; }
    public Device Device { get; }

    /// <summary>True if layers compute in bf16, through <see cref="Network"/>; parameters, inputs and results are then still of the type.</summary>
    public bool Mixed { get; init; }

    /// <summary>Allowed error in float32, relative to max(0.1, max |reference|) of the tensor.</summary>
    public double Tolerance32 { get; set; } = 1e-4;

    public IReadOnlyCollection<string> Tensors => file.Tensors.Keys;
    public bool Has(string key) => file.Metadata.ContainsKey(key);
    public bool HasTensor(string name) => file.Tensors.ContainsKey(name);
    public string Text(string key) => file.Metadata.TryGetValue(key, out string? v) ? v : throw new InvalidDataException($"{Name} has no metadata '{key}'");
    public int Int(string key) => int.Parse(Text(key), CultureInfo.InvariantCulture);
    public double Number(string key) => double.Parse(Text(key), CultureInfo.InvariantCulture);
    public bool Flag(string key) => Text(key) switch { "true" => true, "false" => false, string other => throw new InvalidDataException($"{Name}: {key} is neither true nor false but '{other}'") };
    public int[] Ints(string key) => JsonSerializer.Deserialize<int[]>(Text(key))!;
    public JsonElement Json(string key) => JsonDocument.Parse(Text(key)).RootElement;

    /// <summary>A value this runner does not understand.</summary>
    public InvalidDataException Unknown(string key) => new($"{Name}: {key} = '{Text(key)}' is not understood");

    /// <summary>Stored values in our order.</summary>
    public (double[] Values, Shape Shape) Read(string name, Layout layout)
    {
        if (!file.Tensors.TryGetValue(name, out StoredTensor? stored)) throw new InvalidDataException($"{Name} has no tensor '{name}'");
        unread.Remove(name);
        return layout.Read(stored);
    }

    /// <summary>A tensor as it is stored.</summary>
    public StoredTensor Stored(string name)
    {
        unread.Remove(name);
        return file.Tensors[name];
    }

    /// <summary>An input whose gradient is wanted.</summary>
    public Tensor Leaf(string name, Layout? layout = null) => Make(name, layout, Type, trainable: true);

    /// <summary>An input without gradient.</summary>
    public Tensor Constant(string name, Layout? layout = null) => Make(name, layout, Type, trainable: false);

    /// <summary>Statistics, which are float32 beside bf16.</summary>
    public Tensor Statistic(string name) => Make(name, null, Type.Wide(), trainable: false);

    /// <summary>A layer as it is to compute.</summary>
    public ILayer Network(ILayer layer, ParameterStore store) => Mixed ? new MixedPrecision(layer, store) : layer;

    /// <summary>The same file on another device.</summary>
    public GoldenCase On(Device device, DType type) => new(Name, file, type, device);

    /// <summary>An integer input.</summary>
    public Tensor Indices(string name, Layout? layout = null) => Make(name, layout, DType.Int32, trainable: false);

    Tensor Make(string name, Layout? layout, DType type, bool trainable)
    {
        (double[] values, Shape shape) = Read(name, layout ?? Layout.Same);
        Tensor x = Tensor.Lasting(shape, type, Device, trainable);
        x.WriteDoubles(values);
        return x;
    }

    /// <summary>Compares a result with a stored tensor. A stored [1] stands for a scalar.</summary>
    public void Check(string name, Tensor actual, Layout? layout = null)
    {
        (double[] expected, Shape shape) = Read(name, layout ?? Layout.Same);
        if (shape != actual.Shape && !(shape.Count == 1 && actual.Count == 1)) failures.Add($"{name} has shape {actual.Shape}, expected {shape}");
        else Compare(name, expected, actual.ToDoubles());
    }

    /// <summary>Compares numbers with a stored tensor.</summary>
    public void Check(string name, double[] actual, Layout? layout = null) => Compare(name, Read(name, layout ?? Layout.Same).Values, actual);

    /// <summary>Half a unit in the last place of the reference itself, relative, where it is stored in single precision (the parameter gradients of the dcls files).</summary>
    double Rounding(string name) => file.Tensors[name].Type == "F32" ? Math.ScaleB(1, -24) : 0;

    /// <summary>Compares integers exactly.</summary>
    public void CheckExact(string name, Tensor actual, Layout? layout = null)
    {
        if (!Read(name, layout ?? Layout.Same).Values.AsSpan().SequenceEqual(actual.ToDoubles())) failures.Add($"{name} differs");
    }

    /// <summary>Compares the gradient of an input with the stored one.</summary>
    public void CheckGradient(string name, Tensor input, Layout? layout = null)
    {
        if (input.GradientFilled) Check(name, input.Gradient!, layout);
        else Compare(name, Read(name, layout ?? Layout.Same).Values, new double[input.Count]);
    }

    /// <summary>Checks y, differentiates Σ y · seed (or y itself where no seed is stored) and checks the gradient d‹name› of every leaf.</summary>
    public void CheckAll(Tensor y, params (string Name, Tensor Leaf, Layout Layout)[] leaves) => CheckAll(y, Layout.Same, leaves);

    /// <summary>As above, with the layout of y and its seed.</summary>
    public void CheckAll(Tensor y, Layout layout, params (string Name, Tensor Leaf, Layout Layout)[] leaves)
    {
        Check("y", y, layout);
        if (HasTensor("dY")) y.Backward(Constant("dY", layout));
        else y.Backward();
        foreach ((string name, Tensor leaf, Layout l) in leaves) CheckGradient("d" + name, leaf, l);
    }

    void Compare(string name, double[] expected, double[] actual)
    {
        if (expected.Length != actual.Length)
        {
            failures.Add($"{name} has {actual.Length} values, expected {expected.Length}");
            return;
        }
        double scale = 0.1, worst = 0, rounding = Rounding(name);
        int at = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            scale = Math.Max(scale, Math.Abs(expected[i]));
            double error = expected[i].Equals(actual[i]) ? 0 : Math.Abs(expected[i] - actual[i]) - rounding * Math.Abs(expected[i]);
            if (!(error <= worst)) (worst, at) = (error, i);
        }
        double tolerance = Mixed ? BrainAgreement.Tolerance : Type switch { DType.Float64 => 1e-9, DType.BFloat16 => BrainAgreement.Tolerance, _ => Tolerance32 };
        if (!(worst / scale <= tolerance)) failures.Add($"{name}[{at}] is {actual[at]:g9}, expected {expected[at]:g9}, error {worst / scale:e1} over {tolerance:e0}");
    }

    /// <summary>Fails with everything that differed or was never looked at.</summary>
    public void Finish()
    {
        failures.AddRange(unread.Select(static name => $"{name} was not read"));
        Assert.True(failures.Count == 0, $"{Name} in {(Mixed ? "mixed precision" : Type.Short())}: {string.Join("; ", failures)}");
    }
}

/// <summary>Checks for one or more kinds of reference file; found by looking for implementations.</summary>
public interface IGoldenChecks
{
    /// <summary>
    /// Kind → check. The kind is the file's metadata op, refined by the first of model, module, construct, schedule, optimizer that it has:
    /// "conv2d", "dcls-conv Dcls2d", "dcls-construct ConstructKernel1d", "optim AdamW", "schedule OneCycleLR", "model ConvNeXt".
    /// </summary>
    static abstract IEnumerable<(string Kind, Action<GoldenCase> Check)> All { get; }
}
