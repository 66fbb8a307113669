namespace MiniTorch.Models;

/// <summary>
/// The named tensors of a model: trainable parameters, states (running statistics), and the random state. Filled while a model is built inside
/// <see cref="Build"/>, which also loads a checkpoint and checks it. Owns its tensors; names and axis orders in files are the official ones.
/// </summary>
public sealed class ParameterStore : IDisposable
{
    readonly record struct Entry(Tensor Tensor, AxisOrder Order, bool Trained);

    readonly SortedDictionary<string, Entry> entries = new(StringComparer.Ordinal);
    readonly List<(string Name, Tensor Tensor)> trainable = [];
    readonly List<IConstrained> constrained = [];
    readonly HashSet<string> ignored = [];
    readonly CheckpointProblems? problems;
    readonly ParameterSource? source;
    readonly ulong seed;

    ParameterStore(Device device, DType dtype, ulong seed, ParameterSource? source)
    {
        (Device, DType, this.seed, this.source, problems) = (device, dtype, seed, source, source is null ? null : new(source.NameInFile));
        Randomness = new(seed, device);
    }

    /// <summary>Where the parameters live.</summary>
    public Device Device { get; }

    /// <summary>Their element type.</summary>
    public DType DType { get; }

    /// <summary>What the batch norms of the model take: <see cref="Ops.Statistics.Running"/> freezes them while they stay differentiable; null follows the tape.</summary>
    public Ops.Statistics? Statistics { get; set; }

    /// <summary>Random state of dropout and drop path.</summary>
    public Randomness Randomness { get; }

    /// <summary>Every trainable tensor once, under the name it was declared with, in the order of declaration.</summary>
    public IReadOnlyList<(string Name, Tensor Tensor)> Trainable => trainable;

    /// <summary>Every name, in order; a shared tensor has several.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> All => entries.Select(static e => (e.Key, e.Value.Tensor));

    /// <summary>The layers that keep their parameters within bounds, in the order of declaration: every <see cref="Models.Dcls"/> with positions of its own.</summary>
    public IReadOnlyList<IConstrained> Constrained => constrained;

    /// <summary>The tensor of a name.</summary>
    public Tensor this[string name] => entries.TryGetValue(name, out Entry e) ? e.Tensor : throw new KeyNotFoundException($"the model has no parameter '{name}'");

    /// <summary>Number of trained values, each shared tensor counted once.</summary>
    public long ParameterCount => trainable.Sum(static p => (long)p.Tensor.Count);

    /// <summary>
    /// Builds a model and its store. Without a file the parameters get their initial values, drawn from the seed and each parameter's name; with one, they are
    /// read from it, and every missing, mis-shaped and unexpected name is reported in one exception.
    /// </summary>
    public static (M Model, ParameterStore Store) Build<M>(Func<ParameterScope, M> build, Device? device = null, DType dtype = DType.Float32, ulong seed = 0,
        IReadOnlyDictionary<string, StoredTensor>? file = null)
        => BuildFrom(file is null ? null : new(file), build, device, dtype, seed);

    /// <summary>The same with tensors that a file may have under other names, or that are to start anew.</summary>
    public static (M Model, ParameterStore Store) BuildFrom<M>(ParameterSource? source, Func<ParameterScope, M> build, Device? device = null, DType dtype = DType.Float32, ulong seed = 0)
    {
        ParameterStore store = new(device ?? Device.Cpu, dtype, seed, source);
        try
        {
            M model = build(new ParameterScope(store, ""));
            store.Check();
            return (model, store);
        }
        catch (InvalidDataException)
        {
            store.Dispose();
            throw;
        }
    }

    void Check()
    {
        if (source is null) return;
        foreach (string name in source.Tensors.Keys)
            if (!entries.ContainsKey(name) && !ignored.Contains(name)) problems!.Unexpected(source.NameInFile(name));
        foreach (string name in source.Unexpected) problems!.Unexpected(name);
        problems!.Throw();
    }

    /// <summary>Brings parameters back into their domain after an update (positions into the kernel window).</summary>
    public void Constrain()
    {
        foreach (IConstrained layer in constrained) layer.Constrain();
    }

    /// <summary>Drops gradients that a failed backward left half summed.</summary>
    public void ForgetGradients()
    {
        foreach ((_, Tensor x) in trainable) x.GradientFilled = false;
    }

    /// <summary>Adds every tensor to a file under prefix + name, in the official axis order.</summary>
    public void Save(Safetensors to, string prefix = "")
    {
        foreach ((string name, Entry e) in entries) to.Tensors[prefix + name] = e.Order.ToFile(StoredTensor.Of(e.Tensor));
    }

    /// <summary>Overwrites every tensor from a file that <see cref="Save"/> wrote; strict, like <see cref="Build"/>.</summary>
    public void Load(Safetensors from, string prefix = "")
    {
        CheckpointProblems wrong = new(name => prefix + name);
        foreach ((string name, Entry e) in entries)
            if (!from.Tensors.TryGetValue(prefix + name, out StoredTensor? stored)) wrong.Missing(name);
            else if (Fit(stored, e.Order, e.Tensor.Shape) is { } fitting) e.Tensor.WriteDoubles(fitting.ToDoubles());
            else wrong.Shape(name, stored.Shape, e.Order.ToFile(e.Tensor.Shape));
        wrong.Throw();
    }

    /// <summary>A trained tensor as files hold it: its official axis order applied.</summary>
    public StoredTensor ToFile(string name, Tensor values) => entries[name].Order.ToFile(StoredTensor.Of(values));

    /// <summary>Frees the tensors and their gradients.</summary>
    public void Dispose()
    {
        foreach (Entry e in entries.Values) e.Tensor.Free();
        Randomness.State.Free();
    }

    internal Tensor Declare(string name, Shape shape, Init init, AxisOrder order, bool trained)
    {
        Tensor x = Tensor.Lasting(shape, DType, Device, trained);
        if (!entries.TryAdd(name, new(x, order, trained))) throw new TensorException($"parameter {name} is declared twice; declare it once and Share() it under its second name");
        if (trained) trainable.Add((name, x));
        if (source is null || source.Anew.Contains(name))
        {
            if (Device is ShapeDevice) return x;
            double[] values = new double[x.Count];
            init(new RandomStream(seed, Stream(name)), values);
            x.WriteDoubles(values);
        }
        else if (!source.Tensors.TryGetValue(name, out StoredTensor? stored)) problems!.Missing(name);
        else if (Fit(stored, order, shape) is { } fitting) x.WriteDoubles(fitting.ToDoubles());
        else problems!.Shape(name, stored.Shape, order.ToFile(shape));
        return x;
    }

    internal void Share(string name, Tensor x)
    {
        Entry owner = entries.Values.FirstOrDefault(e => e.Tensor == x);
        if (owner.Tensor is null) throw new TensorException($"parameter {name} is to share a tensor of another model; share within one model");
        if (!entries.TryAdd(name, owner)) throw new TensorException($"parameter {name} is declared twice");
        if (source is null) return;
        if (!source.Tensors.TryGetValue(name, out StoredTensor? stored)) problems!.Missing(name);
        else if (Fit(stored, owner.Order, x.Shape) is not { } fitting) problems!.Shape(name, stored.Shape, owner.Order.ToFile(x.Shape));
        else if (!StoredTensor.Of(x).ToDoubles().AsSpan().SequenceEqual(Rounded(fitting))) problems!.Differs(name);
    }

    /// <summary>A file's values as they are after being stored in the type of the parameters.</summary>
    double[] Rounded(StoredTensor stored) => DType == DType.Float32 ? Array.ConvertAll(stored.ToDoubles(), static v => (double)(float)v) : stored.ToDoubles();

    internal bool Has(string name) => source?.Tensors.ContainsKey(name) ?? true;

    internal void Ignore(string name) => ignored.Add(name);

    internal void Constrain(IConstrained layer) => constrained.Add(layer);

    internal RandomSite Site(string name) => new(Randomness.State, Stream(name));

    static StoredTensor? Fit(StoredTensor stored, AxisOrder order, Shape shape)
    {
        if (stored.Shape.Rank != shape.Rank) return null;
        StoredTensor ours = order.FromFile(stored);
        return ours.Shape == shape ? ours : null;
    }

    /// <summary>A name as the number of a random stream (FNV-1a).</summary>
    static uint Stream(string name)
    {
        uint hash = 2166136261;
        foreach (char c in name) hash = (hash ^ c) * 16777619;
        return hash;
    }
}
