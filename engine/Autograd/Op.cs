using System.Runtime.CompilerServices;

namespace MiniTorch;

/// <summary>
/// One recorded operation: what it saved as fields, and its backward. First order only: backward itself is not recorded.
/// An op has one storage as output and hands the gradients of its inputs to <see cref="Gradients.Add"/>; only the engine accumulates.
/// </summary>
public abstract class Op
{
    const int Inline = 8;

    [InlineArray(Inline)] struct Holds { Storage? first; }

    [ThreadStatic] static long clock;
    static int visits;

    Holds holds;
    List<Storage>? furtherHolds;        // of the few ops that save more
    int holding;
    readonly Op[] sources;
    Tensor? output;
    int visit;
    bool consumed;
    readonly string? layer;             // known while profiling
    long order;

    /// <summary>Records an op over these inputs.</summary>
    protected Op(params ReadOnlySpan<Tensor?> inputs)
    {
        int count = 0;
        foreach (Tensor? x in inputs) if (x?.Source is not null) count++;
        sources = count == 0 ? [] : new Op[count];
        order = clock;
        foreach (Tensor? x in inputs)
            if (x?.Source is { } source)
            {
                sources[--count] = source;
                order = Math.Max(order, source.order);
            }
        clock = ++order;                    // later than anything it uses, on whichever thread that was made
        layer = Profile.Current?.Records(this);
        StepFrame.Record(this);
        OnnxGraph.Current?.Begins(this, inputs);
    }

    /// <summary>Keeps a tensor's value for backward: it stays in memory until then, and a write to it meanwhile is an error.</summary>
    protected Saved Save(Tensor x)
    {
        x.Storage.AddOwner();
        if (holding < Inline) holds[holding++] = x.Storage;
        else (furtherHolds ??= []).Add(x.Storage);
        return new Saved(this, x);
    }

    /// <summary>Like <see cref="Save(Tensor)"/> for an optional tensor.</summary>
    protected Saved? SaveOptional(Tensor? x) => x is null ? null : Save(x);

    /// <summary>What profiles call it: the class without its "Op" and its type arguments.</summary>
    protected internal virtual string Name
    {
        get
        {
            string name = GetType().Name;
            int arity = name.IndexOf('`', StringComparison.Ordinal);
            if (arity >= 0) name = name[..arity];
            return name.Length > 2 && name.EndsWith("Op", StringComparison.Ordinal) ? name[..^2] : name;
        }
    }

    /// <summary>
    /// Writes the op, as it is outside training, into a graph that is being exported, and returns the name of its result. The operands are those it was made over, in their order.
    /// An op that has no such form says so with a <see cref="TensorException"/>.
    /// </summary>
    protected internal virtual string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y) => throw new TensorException($"{Name}: this operation cannot be exported to ONNX");

    /// <summary>Given the gradient of the output, hands the gradient of each input to <paramref name="gradients"/>.</summary>
    protected abstract void Backward(Tensor dy, Gradients gradients);

    internal Tensor? Gradient { get; private set; }

    internal void AddGradient(Tensor g)
    {
        if (Gradient is null)
        {
            g.Storage.AddOwner();
            Gradient = g;
        }
        else if (Gradient.Storage.Exclusive) Accumulate.Into(Gradient, g);
        else
        {
            Tensor sum = Accumulate.Sum(Gradient, g);
            Gradient.Storage.DropOwner(Ending.Backward);
            sum.Storage.AddOwner();
            Gradient = sum;
        }
        Tape.Shown?.Invoke(Gradient);
    }

    internal void Gives(Tensor y) => output = y;

    /// <summary>True if a gradient has come back to the op.</summary>
    private protected virtual bool HasGradient => Gradient is not null;

    /// <summary>Hands on the gradient that has come back.</summary>
    private protected virtual void Differentiate() => Backward(Gradient!, Gradients.Instance);

    /// <summary>Lets go of what was saved and of a pending gradient.</summary>
    private protected virtual void Release(Ending why)
    {
        for (int i = 0; i < holding; i++)
        {
            holds[i]!.DropOwner(why);
            holds[i] = null;
        }
        holding = 0;
        if (furtherHolds is not null)
        {
            foreach (Storage storage in furtherHolds) storage.DropOwner(why);
            furtherHolds = null;
        }
        Gradient?.Storage.DropOwner(why);
        Gradient = null;
    }

    /// <summary>
    /// The outermost step is over: the output, if it was kept, is a constant from now on. Cutting Source matters beyond that: a state carried from
    /// step to step would otherwise hold the handles of all steps before it.
    /// </summary>
    internal void End()
    {
        if (output is not null && output.Source == this) output.Source = null;
        output = null;
        Array.Clear(sources);
        Release(Ending.Step);
    }

    internal void Run()
    {
        if (HasGradient)
        {
            if (Profile.Current is { } profile) RunWatched(profile);
            else Differentiate();
        }
        consumed = true;
        Release(Ending.Backward);
    }

    void RunWatched(Profile profile)
    {
        using Profile.Scope scope = profile.Backward(this, layer);
        Differentiate();
    }

    /// <summary>All ops that the last one depends on, latest first; no recursion, so depth is no limit.</summary>
    internal static List<Op> Gather(Op last)
    {
        int mark = Interlocked.Increment(ref visits);
        List<Op> found = [last];
        last.visit = mark;
        for (int i = 0; i < found.Count; i++)
        {
            Op op = found[i];
            if (op.consumed) throw new TensorException($"Backward reached {op.GetType().Name}, which an earlier Backward has consumed; add the losses and call Backward once");
            foreach (Op source in op.sources)
                if (source.visit != mark)
                {
                    source.visit = mark;
                    found.Add(source);
                }
        }
        found.Sort(static (a, b) => b.order.CompareTo(a.order));
        return found;
    }
}

/// <summary>A value kept for backward. Reading it checks that nobody wrote to it since.</summary>
public readonly struct Saved
{
    readonly Op op;
    internal readonly Tensor Tensor;
    readonly int version;

    internal Saved(Op op, Tensor tensor) => (this.op, Tensor, version) = (op, tensor, tensor.Storage.Version);

    /// <summary>Shape of the saved tensor.</summary>
    public Shape Shape => Tensor.Shape;

    /// <summary>The saved tensor.</summary>
    public Tensor Value => Tensor.Storage.Version == version ? Tensor : throw new TensorException(
        $"{op.GetType().Name} saved {Tensor} for backward at version {version}, but it was modified in place since (version {Tensor.Storage.Version})");
}

/// <summary>Where a gradient goes; unlike <see cref="Saved"/> it keeps no value.</summary>
public readonly struct Input
{
    internal readonly Tensor? Tensor;

    Input(Tensor? tensor) => Tensor = tensor;

    /// <summary>Shape of the input.</summary>
    public Shape Shape => Tensor!.Shape;

    /// <summary>The input as a destination; null where an optional tensor was not given.</summary>
    public static implicit operator Input(Tensor? x) => new(x);

    /// <summary>A saved input as a destination.</summary>
    public static implicit operator Input(Saved x) => new(x.Tensor);

    /// <summary>An optional saved input as a destination.</summary>
    public static implicit operator Input(Saved? x) => new(x?.Tensor);
}
