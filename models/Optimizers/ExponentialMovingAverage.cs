namespace MiniTorch.Models;

/// <summary>
/// Running average of the weights, e = d·e + (1−d)·w after every update, in memory of its own. With warm-up the decay is min(d, (1+t)/(10+t)) at update t,
/// so that a short run does not remember its start.
/// </summary>
public sealed unsafe partial class ExponentialMovingAverage : IDisposable
{
    /// <summary>A are the averages, B the weights.</summary>
    readonly record struct BlendArgs(Members<Pair> Members, Pointer Share) : ICost
    {
        public Cost Cost(int size) => new(0, 3.0 * size * Members.Elements, Members.Count);
    }
    readonly record struct ExchangeArgs(Members<Pair> Members) : ICost
    {
        public Cost Cost(int size) => new(0, 4.0 * size * Members.Elements, Members.Count);
    }

    static readonly Kernel<BlendArgs> blend = Kernel<BlendArgs>.OnSingle<BlendBody, BlendCuda>("ExponentialMovingAverage.blend");
    static readonly Kernel<ExchangeArgs> exchange = Kernel<ExchangeArgs>.OnSingle<ExchangeBody, ExchangeCuda>("ExponentialMovingAverage.exchange");

    const string StepsName = "steps";

    readonly ParameterStore store;
    readonly (Tensor Value, Tensor Average)[] members;
    readonly Tensor share;
    readonly MemberTable<Pair> table;
    readonly double decay;
    readonly bool warmUp;

    /// <summary>Averages the trainable parameters of a model, from what they are now.</summary>
    public ExponentialMovingAverage(ParameterStore store, double decay, bool warmUp = false)
    {
        if (decay is not (>= 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(decay), decay, "a decay lies in [0, 1)");
        (this.store, this.decay, this.warmUp) = (store, decay, warmUp);
        members = [.. store.Trainable.Select(static p => (p.Tensor, Tensor.Lasting(p.Tensor.Shape, p.Tensor.DType, p.Tensor.Device)))];
        if (members.Length == 0) throw new TensorException("ExponentialMovingAverage: the model has no trainable parameter to average");
        foreach ((Tensor value, Tensor average) in members)
        {
            Expect.Alike(members[0].Value, value);
            average.Assign(value);
        }
        table = new(store.Device);
        share = Tensor.Lasting([1], DType.Float64, store.Device);
    }

    /// <summary>Updates made so far.</summary>
    public int Steps { get; private set; }

    /// <summary>Takes in the weights of now; call it after each optimizer update.</summary>
    public void Update()
    {
        Advance();
        Apply();
    }

    /// <summary>Counts an update and writes its share to the device, where <see cref="Apply"/> finds it: a captured step repeats that alone.</summary>
    internal void Advance()
    {
        Steps++;
        double d = warmUp ? Math.Min(decay, (1.0 + Steps) / (10.0 + Steps)) : decay;
        share.Write<double>([1 - d]);
    }

    /// <summary>The update that was counted.</summary>
    internal void Apply()
    {
        using Profile.Scope layer = Profile.Layer(Optimizer.Layer);
        blend.Launch(store.Device, members[0].Value.DType, new(Table(static m => new(m.Average.InPlace(), m.Value, m.Value.Count)), share));
    }

    /// <summary>Puts the averages into the model until disposed: <c>using (average.Use()) { … }</c> evaluates with them.</summary>
    public Swap Use()
    {
        Exchange();
        return new(this);
    }

    /// <summary>Adds the averages to a file under prefix + name, in the order that files have, and the step count.</summary>
    public void Save(Safetensors file, string prefix = "ema.")
    {
        file.Metadata[prefix + StepsName] = Steps.ToString();
        using Swap swap = Use();
        store.Save(file, prefix);
    }

    /// <summary>Takes the averages from a file that <see cref="Save"/> filled.</summary>
    public void Load(Safetensors file, string prefix = "ema.")
    {
        if (!file.Metadata.TryGetValue(prefix + StepsName, out string? steps))
            throw new InvalidDataException($"the checkpoint holds no averaged weights ('{prefix + StepsName}' is missing)");
        using Swap swap = Use();
        store.Load(file, prefix);
        Steps = int.Parse(steps);
    }

    /// <summary>Frees the averages.</summary>
    public void Dispose()
    {
        foreach ((_, Tensor average) in members) average.Free();
        share.Free();
        table.Dispose();
    }

    void Exchange()
    {
        exchange.Launch(store.Device, members[0].Value.DType, new(Table(static m => new(m.Average.InPlace(), m.Value.InPlace(), m.Value.Count))));
    }

    Members<Pair> Table(Func<(Tensor Value, Tensor Average), Pair> entry) => table.Of([.. members.Select(entry)]);

    /// <summary>Ends with <c>using</c>.</summary>
    public readonly ref struct Swap
    {
        readonly ExponentialMovingAverage owner;

        internal Swap(ExponentialMovingAverage owner) => this.owner = owner;

        /// <summary>Puts the model's own weights back, bit by bit.</summary>
        public void Dispose() => owner.Exchange();
    }

    struct BlendBody : ICpuKernel<BlendArgs>
    {
        public static void Run<T, V>(CpuDevice device, in BlendArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(args.Members.Blocks, args, &Block<T, V>);

        static void Block<T, V>(in BlendArgs args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            ref readonly Pair pair = ref args.Members.Find(block, out int i, out int end);
            T* e = pair.A.As<T>(), w = pair.B.As<T>();
            double share = *args.Share.As<double>();
            V s = V.Of(share);
            for (; i <= end - V.Count; i += V.Count) V.MultiplyAdd(s, V.Load(w + i) - V.Load(e + i), V.Load(e + i)).Store(e + i);
            for (; i < end; i++) e[i] = T.FusedMultiplyAdd(T.CreateTruncating(share), w[i] - e[i], e[i]);
        }
    }

    struct ExchangeBody : ICpuKernel<ExchangeArgs>
    {
        public static void Run<T, V>(CpuDevice device, in ExchangeArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(args.Members.Blocks, args, &Block<T>);

        static void Block<T>(in ExchangeArgs args, int block) where T : unmanaged
        {
            ref readonly Pair pair = ref args.Members.Find(block, out int i, out int end);
            T* a = pair.A.As<T>(), b = pair.B.As<T>();
            for (; i < end; i++) (a[i], b[i]) = (b[i], a[i]);
        }
    }
}
