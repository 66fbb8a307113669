using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>
/// Synaptic currents of spikes x [time, ...]: I = I − (1 − x) I / τ + x from I = 0, so that a spike also holds up the decay of its step, unlike in the usual low-pass filter.
/// τ is a constant, or 1/τ = sigmoid(w) with one w for all. dx = dI (1 + I₋ / τ) with the current I₋ before. Saves x and its result. Source: spikingjelly's SynapseFilter.
/// </summary>
public sealed unsafe partial class SynapseFilterOp : Op
{
    const int Columns = 512;        // synapses that a thread takes through all steps
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    readonly Saved x, y;
    readonly Saved? w;
    readonly double rate;

    SynapseFilterOp(Tensor x, Tensor? w, Tensor y, double rate) : base(x, w) => (this.x, this.w, this.y, this.rate) = (Save(x), SaveOptional(w), Save(y), rate);

    /// <summary>Currents of the shape of x; w, of one element, decides τ if it is given, else tau does, at least 1 step.</summary>
    internal static Tensor Of(Tensor x, Tensor? w, double tau)
    {
        Expect.Real(x);
        Expect.That(x.Shape.Rank > 0, "x must be [time, ...]", x);
        if (w is not null)
        {
            Expect.Alike(x, w);
            Expect.That(w.Count == 1, "w must have one element", w);
        }
        else if (!(tau >= 1)) throw new TensorException($"SynapseFilter: tau must be at least 1 step, got {tau}");
        Tensor y = Tensor.Like(x);
        forward.Launch(x.Device, x.DType, new(x, w, y, x.Shape[0], x.Shape.Product(1, x.Shape.Rank), 1 / tau));
        return Tape.Tracks(x, w) ? y.From(new SynapseFilterOp(x, w, y, 1 / tau)) : y;
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor dx = Tensor.Like(dy);
        Tensor? dw = w is null ? null : Tensor.Like(dy, w.Value.Shape);
        backward.Launch(dy.Device, dy.DType, new(x, w, y, dy, dx, dw, x.Shape[0], x.Shape.Product(1, x.Shape.Rank), rate));
        gradients.Add(x, dx);
        if (dw is not null) gradients.Add(w, dw);
    }

    /// <summary>I, from the current before and the input; k is 1/τ.</summary>
    [MethodImpl(Inline)]
    static R Advance<R>(R before, R x, R k) where R : struct, IReal<R> => R.MultiplyAdd((x - R.Of(1)) * before, k, before) + x;

    /// <summary>dx; dI of the step before, as far as it came through this one; and this step's part of dw.</summary>
    [MethodImpl(Inline)]
    static (R Dx, R DBefore, R Dw) Differentiate<R>(R before, R x, R dy, R k) where R : struct, IReal<R>
    {
        R one = R.Of(1), rest = x - one;
        return (dy * R.MultiplyAdd(before, k, one), dy * R.MultiplyAdd(rest, k, one), dy * rest * before * (k * (one - k)));
    }

    /// <summary>Rate: 1/τ where there is no w.</summary>
    readonly record struct ForwardArgs(Pointer X, Pointer W, Pointer Y, int Steps, int Width, double Rate) : ICost
    {
        public Cost Cost(int size) => new(0, 2.0 * size * Steps * Width, Steps, Width);
    }

    readonly record struct BackwardArgs(Pointer X, Pointer W, Pointer Y, Pointer Dy, Pointer Dx, Pointer Dw, int Steps, int Width, double Rate) : ICost
    {
        public Cost Cost(int size) => new(0, 4.0 * size * Steps * Width, Steps, Width);

        /// <summary>dw of each block of synapses.</summary>
        internal nint Parts { get; init; }
    }

    static readonly Kernel<ForwardArgs> forward = Kernel<ForwardArgs>.OnSingle<ForwardBody, ForwardCuda>("SynapseFilter.forward");
    static readonly Kernel<BackwardArgs> backward = Kernel<BackwardArgs>.OnSingle<BackwardBody, BackwardCuda>("SynapseFilter.backward");

    struct ForwardBody : ICpuKernel<ForwardArgs>
    {
        public static void Run<T, V>(CpuDevice device, in ForwardArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(args.Width, Columns), args, &Block<T, V>);

        static void Block<T, V>(in ForwardArgs args, int block) where T : unmanaged where V : struct, ILanes<V, T>
        {
            (int begin, int end) = Workers.Range(block, args.Width, Columns);
            V k = Leak.Rate<T, V>(args.W, args.Rate), start = V.Of(0);
            for (int t = 0; t < args.Steps; t++)
            {
                T* x = args.X.As<T>() + (long)t * args.Width, y = args.Y.As<T>() + (long)t * args.Width, before = y - args.Width;
                for (int i = begin; i < end; i += V.Count)
                {
                    int n = Math.Min(V.Count, end - i);
                    Lanes.Write(Advance(t == 0 ? start : Lanes.Read<V, T>(before + i, n), Lanes.Read<V, T>(x + i, n), k), y + i, n);
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
            V k = Leak.Rate<T, V>(args.W, args.Rate), zero = V.Of(0);
            T* carried = Workers.Local<T>(Columns);         // dI of the step before
            new Span<T>(carried, Columns).Clear();
            double sum = 0;
            for (int t = args.Steps - 1; t >= 0; t--)
            {
                long row = (long)t * args.Width;
                T* x = args.X.As<T>() + row, dy = args.Dy.As<T>() + row, dx = args.Dx.As<T>() + row, before = args.Y.As<T>() + row - args.Width;
                V dw = zero;
                for (int i = begin; i < end; i += V.Count)
                {
                    int n = Math.Min(V.Count, end - i);
                    V d = Lanes.Read<V, T>(dy + i, n) + V.Load(carried + i - begin);
                    (d, V carry, V part) = Differentiate(t == 0 ? zero : Lanes.Read<V, T>(before + i, n), Lanes.Read<V, T>(x + i, n), d, k);
                    Lanes.Write(d, dx + i, n);
                    carry.Store(carried + i - begin);
                    dw += part;
                }
                if (!args.Dw.IsNull) sum += double.CreateTruncating(dw.Sum());
            }
            ((double*)args.Parts)[block] = sum;
        }
    }
}

/// <summary>x.SynapseFilter(tau) and x.SynapseFilter(w).</summary>
public static class SynapseFilterExtension
{
    extension(Tensor x)
    {
        /// <summary>Synaptic currents of spikes x [time, ...], which decay with a time constant of tau ≥ 1 steps but in steps with a spike; see <see cref="SynapseFilterOp"/>.</summary>
        public Tensor SynapseFilter(double tau) => SynapseFilterOp.Of(x, null, tau);

        /// <summary>The same with 1/τ = sigmoid(w), w of one element.</summary>
        public Tensor SynapseFilter(Tensor w) => SynapseFilterOp.Of(x, w, 1);
    }
}
