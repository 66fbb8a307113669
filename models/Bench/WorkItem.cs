namespace MiniTorch.Models.Bench;

/// <summary>What a piece of work takes at least: multiply-adds that touch data (padding does not count), other operations, bytes that must cross the memory bus.</summary>
readonly record struct Amount(double Macs, double Bytes = 0, double Others = 0)
{
    internal const double Forward = 1, ForwardAndBackward = 3;

    /// <summary>The shortest time a direct computation can take on a machine; a transform can take fewer operations than Macs says.</summary>
    internal double BoundMs(Ceiling machine) => Math.Max((2 * Macs + Others) / (1e6 * machine.Gflops), Bytes / (1e6 * machine.GigabytesPerSecond));

    /// <summary>Useful work a second.</summary>
    internal double Gflops(double ms) => 2 * Macs / (1e6 * ms);
}

/// <summary>A piece of work that is timed. The name and the shape together identify it.</summary>
/// <param name="Name">What is done.</param>
/// <param name="Shape">On what, as <see cref="Sizes"/> reads it.</param>
/// <param name="Amount">How much it is.</param>
/// <param name="Prepare">Makes the operands; nothing of the work itself is done here.</param>
/// <param name="IsModel">True for whole networks.</param>
sealed record WorkItem(string Name, string Shape, Amount Amount, Func<Device, Workload> Prepare, bool IsModel = false)
{
    /// <summary>
    /// The fastest that libtorch 2.10 was seen to do it on 2 idle cores of an AMD EPYC (Zen 3), in ms; 0 if unknown. A comparison counts only if the peer is about as fast
    /// there: else the machine was busy or the peer badly put to use.
    /// </summary>
    internal double PeerMs { get; init; }

    /// <summary>What filters match.</summary>
    public override string ToString() => $"{Name} {Shape}";
}

/// <summary>Work with its operands, ready to be repeated. Nothing computed is kept from one repetition to the next.</summary>
abstract class Workload(Device device, DType type = DType.Float32) : IDisposable
{
    const int Drawn = 1 << 22;          // elements; what is larger repeats itself

    readonly List<(string Name, Tensor Tensor)> operands = [];
    Safetensors? results;

    /// <summary>Where it runs.</summary>
    internal Device Device => device;

    /// <summary>What activations, and what meets them, are.</summary>
    protected DType Type => type;

    /// <summary>Does the work once.</summary>
    internal abstract void Run();

    /// <summary>The operands, for whoever is to do the same.</summary>
    internal virtual Safetensors Operands()
    {
        Safetensors file = new();
        foreach ((string name, Tensor x) in operands) file.Tensors[name] = StoredTensor.Of(x);
        return file;
    }

    /// <summary>Does the work once, says so, and copies what came out.</summary>
    internal virtual Safetensors Results(Action done)
    {
        Safetensors file = results = new();
        Run();
        done();
        results = null;
        return file;
    }

    /// <summary>Frees the operands.</summary>
    public virtual void Dispose()
    {
        foreach ((_, Tensor x) in operands) x.Free();
    }

    /// <summary>A result; copied if somebody wants to see it, which nobody does while time is measured.</summary>
    protected void Result(string name, Tensor x)
    {
        if (results is not null) results.Tensors[name] = StoredTensor.Of(x);
    }

    /// <summary>An operand of normally distributed values.</summary>
    protected Tensor Normal(string name, Shape shape, double deviation = 1, DType? kind = null) => Operand(name, shape, kind ?? type, random => deviation * random.NextNormal());

    /// <summary>An operand of values spread evenly over ± a limit.</summary>
    protected Tensor Uniform(string name, Shape shape, double limit) => Operand(name, shape, DType.Float32, random => limit * (2 * random.NextDouble() - 1));

    /// <summary>An operand of spikes, 1 in one of so many places and else 0.</summary>
    protected Tensor Spikes(string name, Shape shape, int every) => Operand(name, shape, DType.Float32, random => random.NextInt(every) == 0 ? 1 : 0);

    /// <summary>A tracked view of an operand whose gradient is a <see cref="Result"/>. A parameter would copy it into memory of its own, which is not part of the work.</summary>
    protected Tensor Leaf(string name, Tensor operand) => operand.View(operand.Shape).From(new LeafOp(this, name));

    Tensor Operand(string name, Shape shape, DType kind, Func<RandomStream, double> draw)
    {
        Tensor x = Tensor.Lasting(shape, kind, device);
        RandomStream random = new(1, (uint)operands.Count);
        float[] values = new float[x.Count];
        for (int i = 0; i < values.Length; i++) values[i] = i < Drawn ? (float)draw(random) : values[i - Drawn];
        if (kind == DType.BFloat16) x.Write<BFloat16>(Array.ConvertAll(values, static v => (BFloat16)v));
        else x.Write<float>(values);
        operands.Add((name, x));
        return x;
    }

    sealed class LeafOp(Workload owner, string name) : Op
    {
        protected override void Backward(Tensor dy, Gradients gradients) => owner.Result("d" + name, dy);
    }
}
