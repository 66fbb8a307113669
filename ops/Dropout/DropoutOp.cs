namespace MiniTorch.Ops;

/// <summary>
/// Dropout: y = m x / (1 − p), each m 1 with probability 1 − p, else 0; outside recording y = x. With one m for a whole example (first dimension) it is drop
/// path; sequences may have one mask for all steps. dx = m dy / (1 − p). The bits come from a counter, so backward draws them again; it saves only the counter's state, four words.
/// </summary>
public sealed unsafe partial class DropoutOp : Op
{
    const int BlockSize = 16384;        // a multiple of the four words of a counter
    const int Drawn = 256;              // random numbers drawn at a time

    readonly Input x;
    readonly Saved state;
    readonly uint site;
    readonly double rate;
    readonly int unit, repeats;

    DropoutOp(Tensor x, Tensor state, uint site, double rate, int unit, int repeats) : base(x)
        => (this.x, this.state, this.site, this.rate, this.unit, this.repeats) = (x, Save(state), site, rate, unit, repeats);

    /// <summary>Zeroes each element with probability rate, in [0, 1], while recording.</summary>
    public static Tensor Of(Tensor x, double rate, RandomSite random) => Of(x, rate, random, 1, 1);

    /// <summary>Zeroes each element of a step of x [time, ...] with probability rate, in [0, 1], in all steps alike, while recording.</summary>
    public static Tensor Sequence(Tensor x, double rate, RandomSite random)
    {
        Expect.That(x.Shape.Rank > 0, "x must be [time, ...]", x);
        return Of(x, rate, random, 1, x.Shape[0]);
    }

    /// <summary>Drop path: zeroes whole examples [n, ...] with probability rate, in [0, 1], while recording.</summary>
    public static Tensor Path(Tensor x, double rate, RandomSite random)
    {
        Expect.That(x.Shape.Rank > 0, "x must be [n, ...]", x);
        return Of(x, rate, random, x.Shape.Product(1, x.Shape.Rank), 1);
    }

    static Tensor Of(Tensor x, double rate, RandomSite random, int unit, int repeats)
    {
        Expect.Real(x);
        if (Draw(x, rate, random) is not { } state) return x;
        Tensor y = Tensor.Like(x);
        kernel.Launch(x.Device, x.DType, new(x, y, state, random.Site, rate, x.Count, unit, repeats));
        return Tape.Tracks(x) ? y.From(new DropoutOp(x, state, random.Site, rate, unit, repeats)) : y;
    }

    /// <summary>The state that decides this time, for x and its gradient alike: a copy, because the model's own moves on. Null if nothing is dropped.</summary>
    internal static Tensor? Draw(Tensor x, double rate, RandomSite random)
    {
        if (rate is not (>= 0 and <= 1)) throw new TensorException($"Dropout: rate must be in [0, 1], got {rate}");
        if (!Tape.Recording || rate == 0) return null;
        Expect.Indices(random.State);
        Expect.Shape(random.State, [4]);
        Expect.That(random.State.Device == x.Device, $"the random state must be on {x.Device}", random.State);
        Tensor state = Tensor.Like(random.State);
        x.Device.Copy(random.State.Address, state.Address, state.Bytes);
        GC.KeepAlive(random.State);
        return state;
    }

    /// <summary>What drop path multiplies example n by: 0, or 1 / (1 − rate).</summary>
    internal static T Factor<T>(Pointer state, uint site, double rate, int n) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        (uint a, uint b, uint c, uint d) = Words(state, site, (uint)n / 4);
        uint word = (n % 4) switch { 0 => a, 1 => b, 2 => c, _ => d };
        return Philox.Unit(word) >= (float)rate ? Kept<T>(rate) : T.Zero;
    }

    static (uint X, uint Y, uint Z, uint W) Words(Pointer state, uint site, uint counter)
    {
        uint* s = state.As<uint>();
        return Philox.Words((ulong)s[1] << 32 | s[0], counter, site, s[2], s[3]);
    }

    static T Kept<T>(double rate) where T : unmanaged, IBinaryFloatingPointIeee754<T> => rate < 1 ? T.CreateChecked(1 / (1 - rate)) : T.Zero;

    /// <summary>Nothing is dropped.</summary>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y) => graph.Name(operands[0]!);

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor dx = Tensor.Like(dy);
        kernel.Launch(dy.Device, dy.DType, new(dy, dx, state, site, rate, dy.Count, unit, repeats));
        gradients.Add(x, dx);
    }

    /// <summary>Unit: neighbouring elements that share one draw. Repeats: steps that share all of them, as many as x has then in its first dimension; one of the two is 1.</summary>
    readonly record struct Args(Pointer X, Pointer Y, Pointer State, uint Site, double Rate, int Count, int Unit, int Repeats) : ICost
    {
        /// <summary>Elements of a step.</summary>
        internal int Period => Repeats == 0 ? 0 : Count / Repeats;

        /// <summary>Elements of a step that a thread draws for.</summary>
        internal int Block => Math.Max(Drawn, BlockSize / Math.Max(1, Repeats) / Drawn * Drawn);

        public Cost Cost(int size) => new(0, 2.0 * size * Count, Count);
    }

    static readonly Kernel<Args> kernel = Kernel<Args>.On<Body, Cuda>("Dropout");

    /// <summary>Draw i is word i mod 4 of counter (i / 4, site, step), keyed by the seed; it keeps where its number in [0, 1) is not below the rate.</summary>
    struct Body : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            if (args.Unit == 1) device.Workers.For(Workers.Blocks(args.Period, args.Block), args, &Elements<T, V>);
            else if (args.Count > 0) device.Workers.For(args.Count / args.Unit, args, &Example<T, V>);
        }

        static void Elements<T, V>(in Args args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int period = args.Period;
            (int i, int end) = Workers.Range(block, period, args.Block);
            T* numbers = stackalloc T[Drawn];
            V rate = V.All(T.CreateTruncating((float)args.Rate)), kept = V.All(Kept<T>(args.Rate)), zero = V.Of(0);
            for (; i < end; i += Drawn)
            {
                int n = Math.Min(Drawn, end - i), k = 0;
                for (; k < n; k += 4)
                {
                    (uint a, uint b, uint c, uint d) = Words(args.State, args.Site, (uint)(i + k) / 4);
                    numbers[k] = T.CreateTruncating(Philox.Unit(a));
                    numbers[k + 1] = T.CreateTruncating(Philox.Unit(b));
                    numbers[k + 2] = T.CreateTruncating(Philox.Unit(c));
                    numbers[k + 3] = T.CreateTruncating(Philox.Unit(d));
                }
                for (int step = 0; step < args.Repeats; step++)
                {
                    T* x = args.X.As<T>() + (long)step * period + i, y = args.Y.As<T>() + (long)step * period + i;
                    for (k = 0; k <= n - V.Count; k += V.Count) (V.Load(x + k) * V.Select(V.Greater(rate, V.Load(numbers + k)), zero, kept)).Store(y + k);
                    if (k >= n) continue;
                    V factor = V.Select(V.Greater(rate, Lanes.LoadPartial<V, T>(numbers + k, n - k)), zero, kept);
                    Lanes.StorePartial(Lanes.LoadPartial<V, T>(x + k, n - k) * factor, y + k, n - k);
                }
            }
        }

        static void Example<T, V>(in Args args, int n) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            T factor = Factor<T>(args.State, args.Site, args.Rate, n);
            V factors = V.All(factor);
            long start = (long)n * args.Unit;
            T* x = args.X.As<T>() + start, y = args.Y.As<T>() + start;
            int i = 0;
            for (; i <= args.Unit - V.Count; i += V.Count) (V.Load(x + i) * factors).Store(y + i);
            for (; i < args.Unit; i++) y[i] = x[i] * factor;
        }
    }
}

/// <summary>x.Dropout(rate, random), x.SequenceDropout(rate, random) and x.DropPath(rate, random).</summary>
public static class DropoutExtension
{
    extension(Tensor x)
    {
        /// <summary>Zeroes each element with probability rate and scales the others by 1 / (1 − rate), while recording.</summary>
        public Tensor Dropout(double rate, RandomSite random) => DropoutOp.Of(x, rate, random);

        /// <summary>Zeroes each element of a step of x [time, ...] with probability rate, in all steps alike, and scales the others by 1 / (1 − rate), while recording.</summary>
        public Tensor SequenceDropout(double rate, RandomSite random) => DropoutOp.Sequence(x, rate, random);

        /// <summary>Zeroes whole examples [n, ...] with probability rate and scales the others by 1 / (1 − rate), while recording.</summary>
        public Tensor DropPath(double rate, RandomSite random) => DropoutOp.Path(x, rate, random);
    }
}
