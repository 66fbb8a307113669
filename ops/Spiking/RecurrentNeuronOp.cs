namespace MiniTorch.Ops;

/// <summary>
/// Neurons as <see cref="NeuronOp{S}"/> has them, that hear one another: the current of step t is x[t] + S[t − 1] · R, with R [from, to]; nobody has fired before the first step.
/// x, S and V are [time, batch, neurons]. Backward through time, with I the currents: dS[t] is what came from outside + dI[t + 1] · Rᵀ, dx = dI, and dR = Σₜ S[t − 1]ᵀ · dI[t], one product over all
/// steps. It saves R, S with V, and H.
/// </summary>
public sealed unsafe partial class RecurrentNeuronOp<S> : MultiOutputOp where S : unmanaged, ISurrogate
{
    readonly Input x, recurrent;
    readonly Saved h, weights, results;
    readonly NeuronStep<S> step;
    readonly double rate;

    RecurrentNeuronOp(Tensor x, Tensor recurrent, Tensor h, Tensor results, in NeuronStep<S> step, double rate) : base(2, x, recurrent)
    {
        (this.x, this.recurrent, this.step, this.rate) = (x, recurrent, step, rate);
        (this.h, weights, this.results) = (Save(h), Save(recurrent), Save(results));
    }

    /// <inheritdoc/>
    protected internal override string Name => "RecurrentNeuron";

    /// <summary>Spikes and membranes.</summary>
    internal static (Tensor Spikes, Tensor Membrane) Of(Tensor x, Tensor recurrent, S surrogate, NeuronOptions options)
    {
        Expect.Real(x);
        Expect.Alike(x, recurrent);
        Expect.Rank(x, 3, "[time, batch, neurons]");
        Expect.Shape(recurrent, [x.Shape[2], x.Shape[2]]);
        if (!(options.Tau >= 1)) throw new TensorException($"RecurrentNeuron: tau must be at least 1 step, got {options.Tau}");
        NeuronStep<S> step = NeuronStep<S>.Of(surrogate, options);
        Tensor both = Tensor.Like(x, [2, x.Count]);
        Tensor? h = Tape.Tracks(x, recurrent) ? Tensor.Like(x) : null;
        RecurrentNeuronOp<S>? op = h is null ? null : new(x, recurrent, h, both, step, 1 / options.Tau);
        if (op is not null) both.From(op);
        Tensor spikes = Result(op, both, 0, x.Shape, 0), membrane = Result(op, both, 1, x.Shape, x.Count);
        forward.Launch(x.Device, x.DType, new(x, recurrent, spikes, membrane, h, x.Shape[0], x.Shape[1], x.Shape[2], 1 / options.Tau, step));
        return (spikes, membrane);
    }

    /// <inheritdoc/>
    protected override void Backward(ReadOnlySpan<Tensor?> dys, Gradients gradients)
    {
        Tensor dx = Tensor.Like((dys[0] ?? dys[1])!);
        (int steps, int batch, int width) = (dx.Shape[0], dx.Shape[1], dx.Shape[2]);
        backward.Launch(dx.Device, dx.DType, new(h, weights.Value.Permute(1, 0), dys[0], dys[1], dx, steps, batch, width, rate, step));
        gradients.Add(x, dx);
        if (!gradients.Wants(recurrent)) return;
        Tensor dr = Tensor.Like(dx, recurrent.Shape);
        int rows = Math.Max(0, steps - 1) * batch;
        if (rows == 0) dr.Fill(0);
        else weightGradient.Launch(dx.Device, dx.DType, new(results.Value.View([rows, width], 0), dx.View([rows, width], (long)batch * width), dr, width, width, rows, TransposeA: true));
        gradients.Add(recurrent, dr);
    }

    /// <summary>H: null where nobody differentiates.</summary>
    readonly record struct ForwardArgs(Pointer X, Pointer Recurrent, Pointer Spikes, Pointer Membrane, Pointer H, int Steps, int Batch, int Width, double Rate, NeuronStep<S> Step) : ICost
    {
        /// <summary>As if no spike were 0.</summary>
        public Cost Cost(int size) => RecurrentNeuronOp<S>.Cost(size, H.IsNull ? 3 : 4, Steps, Batch, Width);
    }

    readonly record struct BackwardArgs(Pointer H, Pointer Transposed, Pointer DSpikes, Pointer DMembrane, Pointer Dx, int Steps, int Batch, int Width, double Rate, NeuronStep<S> Step) : ICost
    {
        public Cost Cost(int size) => RecurrentNeuronOp<S>.Cost(size, DSpikes.IsNull || DMembrane.IsNull ? 3 : 4, Steps, Batch, Width);
    }

    static Cost Cost(int size, int arrays, int steps, int batch, int width) => new(2.0 * steps * batch * width * width, size * ((double)arrays * steps * batch * width + (double)width * width), $"{steps}x{batch}x{width}");

    static readonly Kernel<ForwardArgs> forward = Kernel<ForwardArgs>.OnSingle<ForwardBody, ForwardCuda>("RecurrentNeuron.forward");
    static readonly Kernel<BackwardArgs> backward = Kernel<BackwardArgs>.OnSingle<BackwardBody, BackwardCuda>("RecurrentNeuron.backward");
    static readonly Kernel<GemmArgs> weightGradient = Kernel<GemmArgs>.On<Gemm.Body, Gemm.Cuda>("RecurrentNeuron.weightGradient");

    /// <summary>to += from · weights [from, to]. What is 0, as most spikes are, costs nothing.</summary>
    static void Through<T, V>(T* from, T* weights, T* to, int width) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        for (int i = 0; i < width; i++)
        {
            if (from[i] == T.Zero) continue;
            V value = V.All(from[i]);
            T* row = weights + (long)i * width;
            for (int j = 0; j < width; j += V.Count)
            {
                int n = Math.Min(V.Count, width - j);
                Lanes.Write(V.MultiplyAdd(value, Lanes.Read<V, T>(row + j, n), Lanes.Read<V, T>(to + j, n)), to + j, n);
            }
        }
    }

    struct ForwardBody : ICpuKernel<ForwardArgs>
    {
        public static void Run<T, V>(CpuDevice device, in ForwardArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(args.Batch, args, &Sequence<T, V>);

        static void Sequence<T, V>(in ForwardArgs args, int b) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int width, long stride) = (args.Width, (long)args.Batch * args.Width);
            NeuronStep<S> step = args.Step;
            V k = V.Of(args.Rate), start = V.Of(step.Start);
            T* current = Workers.Local<T>(width);
            for (int t = 0; t < args.Steps; t++)
            {
                long row = t * stride + (long)b * width;
                T* spikes = args.Spikes.As<T>() + row, membrane = args.Membrane.As<T>() + row, kept = args.H.IsNull ? null : args.H.As<T>() + row;
                new Span<T>(args.X.As<T>() + row, width).CopyTo(new(current, width));
                if (t > 0) Through<T, V>(spikes - stride, args.Recurrent.As<T>(), current, width);
                for (int i = 0; i < width; i += V.Count)
                {
                    int n = Math.Min(V.Count, width - i);
                    V h = step.Charge(t == 0 ? start : Lanes.Read<V, T>(membrane - stride + i, n), Lanes.Read<V, T>(current + i, n), k), spike = step.Spike(h);
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
            => device.Workers.For(args.Batch, args, &Sequence<T, V>);

        static void Sequence<T, V>(in BackwardArgs args, int b) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int width, long stride) = (args.Width, (long)args.Batch * args.Width);
            NeuronStep<S> step = args.Step;
            V k = V.Of(args.Rate);
            T* carried = Workers.Local<T>(2L * width), fired = carried + width;         // dV of the step before, dS of this one
            new Span<T>(carried, width).Clear();
            for (int t = args.Steps - 1; t >= 0; t--)
            {
                long row = t * stride + (long)b * width;
                T* h = args.H.As<T>() + row, dx = args.Dx.As<T>() + row, dMembrane = args.DMembrane.IsNull ? null : args.DMembrane.As<T>() + row;
                if (args.DSpikes.IsNull) new Span<T>(fired, width).Clear();
                else new Span<T>(args.DSpikes.As<T>() + row, width).CopyTo(new(fired, width));
                if (t + 1 < args.Steps) Through<T, V>(dx + stride, args.Transposed.As<T>(), fired, width);
                for (int i = 0; i < width; i += V.Count)
                {
                    int n = Math.Min(V.Count, width - i);
                    V at = Lanes.Read<V, T>(h + i, n), dV = Lanes.Read<V, T>(carried + i, n);
                    if (dMembrane != null) dV += Lanes.Read<V, T>(dMembrane + i, n);
                    (V d, V carry, _) = step.Differentiate(at, at, Lanes.Read<V, T>(fired + i, n), dV, k);
                    Lanes.Write(d, dx + i, n);
                    Lanes.Write(carry, carried + i, n);
                }
            }
        }
    }
}

/// <summary>x.RecurrentLif(recurrent, options).</summary>
public static class RecurrentNeuronExtension
{
    extension(Tensor x)
    {
        /// <summary>Spikes and membranes of neurons with a given τ that hear one another's spikes of the step before through recurrent [neurons, neurons], from and to; see <see cref="RecurrentNeuronOp{S}"/>.</summary>
        public (Tensor Spikes, Tensor Membrane) RecurrentLif(Tensor recurrent, NeuronOptions options) => options.Surrogate.RunRecurrent(x, recurrent, options);
    }
}
