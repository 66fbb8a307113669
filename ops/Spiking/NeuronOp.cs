namespace MiniTorch.Ops;

/// <summary>
/// Leaky integrate-and-fire neurons over whole sequences x [time, ...], each element of a step a neuron of its own, which starts from V = v_reset:
/// H = V − (V − v_reset) / τ + x, or V + (x − (V − v_reset)) / τ with decayed input; S = 1 where H ≥ θ, else 0; V = (1 − S) H + S v_reset (hard reset), or H − S θ with v_reset
/// = 0 (soft reset). Results: S and V, of the shape of x. In PLIF 1/τ = sigmoid(w), one w for all. Backward goes through the steps from the last to the first, with the surrogate's slope
/// σ′(H − θ) for dS/dH; it saves H alone, of which S and V are functions. Source: Fang et al., arXiv 2007.05785, and spikingjelly, whose results these are.
/// </summary>
public sealed unsafe partial class NeuronOp<S> : MultiOutputOp where S : unmanaged, ISurrogate
{
    const int Columns = 512;        // neurons that a thread takes through all steps: long rows for the memory, and their state stays in the cache

    readonly Input x;
    readonly Saved h;
    readonly Saved? w;
    readonly NeuronStep<S> step;
    readonly double rate;

    NeuronOp(Tensor x, Tensor? w, Tensor h, in NeuronStep<S> step, double rate) : base(2, x, w) => (this.x, this.w, this.h, this.step, this.rate) = (x, SaveOptional(w), Save(h), step, rate);

    /// <inheritdoc/>
    protected internal override string Name => "Neuron";

    /// <summary>Spikes and membranes; w, of one element, decides τ if it is given.</summary>
    internal static (Tensor Spikes, Tensor Membrane) Of(Tensor x, Tensor? w, S surrogate, NeuronOptions options)
    {
        Expect.Real(x);
        Expect.That(x.Shape.Rank > 0, "x must be [time, ...]", x);
        if (w is not null)
        {
            Expect.Alike(x, w);
            Expect.That(w.Count == 1, "w must have one element", w);
        }
        else if (!(options.Tau >= 1)) throw new TensorException($"Neuron: tau must be at least 1 step, got {options.Tau}");
        NeuronStep<S> step = NeuronStep<S>.Of(surrogate, options);
        bool tracks = Tape.Tracks(x, w);
        Tensor both = Tensor.Like(x, [2, x.Count]);
        Tensor? h = tracks ? Tensor.Like(x) : null;
        NeuronOp<S>? op = h is null ? null : new(x, w, h, step, 1 / options.Tau);
        if (op is not null) both.From(op);
        Tensor spikes = Result(op, both, 0, x.Shape, 0), membrane = Result(op, both, 1, x.Shape, x.Count);
        forward.Launch(x.Device, x.DType, new(x, w, spikes, membrane, h, x.Shape[0], Width(x.Shape), 1 / options.Tau, step));
        return (spikes, membrane);
    }

    /// <summary>Neurons: elements of a step.</summary>
    static int Width(in Shape x) => x.Product(1, x.Rank);

    /// <inheritdoc/>
    protected override void Backward(ReadOnlySpan<Tensor?> dys, Gradients gradients)
    {
        Tensor dx = Tensor.Like((dys[0] ?? dys[1])!);
        Tensor? dw = w is null ? null : Tensor.Like(dx, w.Value.Shape);
        backward.Launch(dx.Device, dx.DType, new(h, w, dys[0], dys[1], dx, dw, dx.Shape[0], Width(dx.Shape), rate, step));
        gradients.Add(x, dx);
        if (dw is not null) gradients.Add(w, dw);
    }

    /// <summary>Rate: 1/τ where there is no w. H: null where nobody differentiates.</summary>
    readonly record struct ForwardArgs(Pointer X, Pointer W, Pointer Spikes, Pointer Membrane, Pointer H, int Steps, int Width, double Rate, NeuronStep<S> Step) : ICost
    {
        public Cost Cost(int size) => new(0, (H.IsNull ? 3.0 : 4.0) * size * Steps * Width, Steps, Width);
    }

    readonly record struct BackwardArgs(Pointer H, Pointer W, Pointer DSpikes, Pointer DMembrane, Pointer Dx, Pointer Dw, int Steps, int Width, double Rate, NeuronStep<S> Step) : ICost
    {
        public Cost Cost(int size) => new(0, (DSpikes.IsNull || DMembrane.IsNull ? 3.0 : 4.0) * size * Steps * Width, Steps, Width);

        /// <summary>dw of each block of neurons.</summary>
        internal nint Parts { get; init; }
    }

    static readonly Kernel<ForwardArgs> forward = Kernel<ForwardArgs>.OnSingle<ForwardBody, ForwardCuda>("Neuron.forward");
    static readonly Kernel<BackwardArgs> backward = Kernel<BackwardArgs>.OnSingle<BackwardBody, BackwardCuda>("Neuron.backward");

    struct ForwardBody : ICpuKernel<ForwardArgs>
    {
        public static void Run<T, V>(CpuDevice device, in ForwardArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(args.Width, Columns), args, &Block<T, V>);

        /// <summary>The state is the row of membranes that was written last.</summary>
        static void Block<T, V>(in ForwardArgs args, int block) where T : unmanaged where V : struct, ILanes<V, T>
        {
            (int begin, int end) = Workers.Range(block, args.Width, Columns);
            NeuronStep<S> step = args.Step;
            V k = Leak.Rate<T, V>(args.W, args.Rate), start = V.Of(step.Start);
            for (int t = 0; t < args.Steps; t++)
            {
                long row = (long)t * args.Width;
                T* x = args.X.As<T>() + row, spikes = args.Spikes.As<T>() + row, membrane = args.Membrane.As<T>() + row, before = membrane - args.Width;
                T* kept = args.H.IsNull ? null : args.H.As<T>() + row;
                for (int i = begin; i < end; i += V.Count)
                {
                    int n = Math.Min(V.Count, end - i);
                    V h = step.Charge(t == 0 ? start : Lanes.Read<V, T>(before + i, n), Lanes.Read<V, T>(x + i, n), k), spike = step.Spike(h);
                    Lanes.Write(spike, spikes + i, n);
                    Lanes.Write(step.Reset(h, spike), membrane + i, n);
                    if (kept != null) Lanes.Write(h, kept + i, n);
                }
            }
        }
    }

    struct BackwardBody : ICpuKernel<BackwardArgs>
    {
        public static void Run<T, V>(CpuDevice device, in BackwardArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int blocks = Workers.Blocks(args.Width, Columns);
            using Scratch scratch = device.Scratch((long)Math.Max(1, blocks) * sizeof(double));
            double* parts = scratch.As<double>();
            device.Workers.For(blocks, args with { Parts = (nint)parts }, &Block<T, V>);
            if (!args.Dw.IsNull) Leak.Sum(parts, blocks, args.Dw.As<T>());
        }

        static void Block<T, V>(in BackwardArgs args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int begin, int end) = Workers.Range(block, args.Width, Columns);
            NeuronStep<S> step = args.Step;
            bool learned = !args.Dw.IsNull;
            V k = Leak.Rate<T, V>(args.W, args.Rate), start = V.Of(step.Start), zero = V.Of(0);
            T* carried = Workers.Local<T>(Columns);         // dV of the step before
            new Span<T>(carried, Columns).Clear();
            double sum = 0;
            for (int t = args.Steps - 1; t >= 0; t--)
            {
                long row = (long)t * args.Width;
                T* h = args.H.As<T>() + row, last = h - args.Width, dx = args.Dx.As<T>() + row;
                T* dSpikes = args.DSpikes.IsNull ? null : args.DSpikes.As<T>() + row, dMembrane = args.DMembrane.IsNull ? null : args.DMembrane.As<T>() + row;
                V dw = zero;
                for (int i = begin; i < end; i += V.Count)
                {
                    int n = Math.Min(V.Count, end - i);
                    V before = start, dSpike = dSpikes == null ? zero : Lanes.Read<V, T>(dSpikes + i, n), dV = V.Load(carried + i - begin);
                    if (dMembrane != null) dV += Lanes.Read<V, T>(dMembrane + i, n);
                    if (learned && t > 0)
                    {
                        V one = Lanes.Read<V, T>(last + i, n);
                        before = step.Reset(one, step.Spike(one));
                    }
                    (V d, V carry, V part) = step.Differentiate(Lanes.Read<V, T>(h + i, n), before, dSpike, dV, k);
                    Lanes.Write(d, dx + i, n);
                    carry.Store(carried + i - begin);
                    dw += part;
                }
                if (learned) sum += double.CreateTruncating(dw.Sum());
            }
            ((double*)args.Parts)[block] = sum;
        }
    }
}

/// <summary>x.Lif(options) and x.Plif(w, options).</summary>
public static class NeuronExtension
{
    extension(Tensor x)
    {
        /// <summary>Spikes and membranes after reset, both of the shape of x [time, ...], of leaky integrate-and-fire neurons with a given τ; see <see cref="NeuronOp{S}"/>.</summary>
        public (Tensor Spikes, Tensor Membrane) Lif(NeuronOptions options) => options.Surrogate.Run(x, null, options);

        /// <summary>The same with 1/τ = sigmoid(w), w of one element: options.Tau is not looked at.</summary>
        public (Tensor Spikes, Tensor Membrane) Plif(Tensor w, NeuronOptions options) => options.Surrogate.Run(x, w, options);
    }
}
