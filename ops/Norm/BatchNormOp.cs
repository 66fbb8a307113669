namespace MiniTorch.Ops;

/// <summary>Which mean and variance batch normalisation uses.</summary>
public enum Statistics
{
    /// <summary>Those of the batch at hand; running statistics, where given, are updated.</summary>
    Batch,
    /// <summary>The running ones, as constants; the result stays differentiable.</summary>
    Running,
}

/// <summary>
/// y = (x − μ) · r · γ + β per channel (last dimension), r = 1/√(σ² + ε) with the biased variance over all other dimensions. The running variance takes the
/// unbiased one, as PyTorch does. Saves x and (μ, r) per channel.
/// </summary>
public sealed unsafe partial class BatchNormOp : Op
{
    readonly Saved x, statistics;
    readonly Saved? gamma;
    readonly Input beta;
    readonly bool batch;

    BatchNormOp(Tensor x, Tensor? gamma, Tensor? beta, Tensor statistics, bool batch) : base(x, gamma, beta)
        => (this.x, this.gamma, this.beta, this.statistics, this.batch) = (Save(x), SaveOptional(gamma), beta, Save(statistics), batch);

    /// <summary>Normalises x [..., c]. Running statistics [c] are read with <see cref="Statistics.Running"/> and moved by momentum with <see cref="Statistics.Batch"/>.</summary>
    public static Tensor Of(Tensor x, Tensor? gamma, Tensor? beta, Tensor? runningMean, Tensor? runningVariance, Statistics use, double momentum, double epsilon)
    {
        Expect.Real(x);
        Expect.That(x.Shape.Rank >= 2 && x.Shape[^1] > 0, "x must be [..., c]", x);
        int c = x.Shape[^1], rows = x.Count / c;
        foreach (Tensor? p in (ReadOnlySpan<Tensor?>)[gamma, beta])
        {
            if (p is null) continue;
            Expect.Shape(p, [c]);
            Expect.Alike(x, p);
        }
        foreach (Tensor? p in (ReadOnlySpan<Tensor?>)[runningMean, runningVariance])
        {
            if (p is null) continue;
            Expect.Shape(p, [c]);
            Expect.That(p.DType == x.DType.Wide() && p.Device == x.Device, $"running statistics of {x} are {x.DType.Wide().Short()} on the same device", p);
        }
        bool batch = use == Statistics.Batch;
        Expect.That(!batch || rows > 1, "batch statistics need more than one value per channel; use Statistics.Running", x);
        if (!batch && (runningMean is null || runningVariance is null)) throw new TensorException("BatchNorm: running statistics are asked for but not given");
        Tensor y = Tensor.Like(x), statistics = Tensor.Empty([2, c], x.DType.Wide(), x.Device);
        Pointer mean = runningMean is null ? default : batch ? runningMean.InPlace() : runningMean;
        Pointer variance = runningVariance is null ? default : batch ? runningVariance.InPlace() : runningVariance;
        forward.Launch(x.Device, x.DType, new(x, gamma, beta, mean, variance, statistics, y, rows, c, batch, momentum, epsilon));
        return Tape.Tracks(x, gamma, beta) ? y.From(new BatchNormOp(x, gamma, beta, statistics, batch)) : y;
    }

    /// <summary>With running statistics, which are constants: a factor and a term a channel.</summary>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y)
    {
        if (batch) throw new TensorException("BatchNorm: the statistics of a batch cannot be exported to ONNX; use Statistics.Running");
        int c = y.Shape[^1];
        double[] s = statistics.Value.ToDoubles(), factors = operands[1]?.ToDoubles() ?? [], terms = operands[2]?.ToDoubles() ?? new double[c];
        if (factors.Length == 0) Array.Resize(ref factors, c);
        for (int i = 0; i < c; i++)
        {
            factors[i] = s[c + i] * (operands[1] is null ? 1 : factors[i]);
            terms[i] -= s[i] * factors[i];
        }
        return graph.Node("Add", [graph.Node("Mul", [graph.Name(operands[0]!), graph.Vector(factors)]), graph.Vector(terms)]);
    }

    /// <summary>With h = (x − μ) r over N values: dγ = Σ dy h, dβ = Σ dy, dx = γ r (dy − [batch] (dβ + h dγ)/N).</summary>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        int c = x.Shape[^1];
        Tensor dx = Tensor.Like(dy), dParameters = Tensor.Like(dy, [2, c]);
        backward.Launch(dy.Device, dy.DType, new(x, gamma, dy, statistics, dx, dParameters, dy.Count / c, c, batch));
        gradients.Add(x, dx);
        if (gamma is not null) gradients.Add(gamma, dParameters.View([c]));
        gradients.Add(beta, dParameters.View([c], c));
    }

    readonly record struct ForwardArgs(Pointer X, Pointer Gamma, Pointer Beta, Pointer RunningMean, Pointer RunningVariance, Pointer Statistics, Pointer Y, int Rows, int C,
        bool Batch, double Momentum, double Epsilon) : ICost
    {
        public Cost Cost(int size) => new(0, 2.0 * size * Rows * C, Rows, C);
    }

    readonly record struct BackwardArgs(Pointer X, Pointer Gamma, Pointer Dy, Pointer Statistics, Pointer Dx, Pointer DParameters, int Rows, int C, bool Batch) : ICost
    {
        public Cost Cost(int size) => new(0, 3.0 * size * Rows * C, Rows, C);
    }

    /// <summary>Column sums over fixed blocks of rows: Σ x, Σ (x − μ)², or Σ dy and Σ dy · h.</summary>
    readonly record struct SumArgs(Pointer X, Pointer Dy, nint Statistics, nint Partial, int Rows, int C);

    static readonly Kernel<ForwardArgs> forward = Kernel<ForwardArgs>.On<ForwardBody, ForwardCuda>("BatchNorm.forward");
    static readonly Kernel<BackwardArgs> backward = Kernel<BackwardArgs>.On<BackwardBody, BackwardCuda>("BatchNorm.backward");

    static int RowsPerBlock(int c) => Math.Max(1, 16384 / c);

    struct ForwardBody : ICpuKernel<ForwardArgs>
    {
        public static void Run<T, V>(CpuDevice device, in ForwardArgs a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int blocks = Workers.Blocks(a.Rows, RowsPerBlock(a.C)), c = a.C;
            T* mean = a.Statistics.As<T>(), inverse = mean + c, runningMean = a.RunningMean.As<T>(), runningVariance = a.RunningVariance.As<T>();
            T epsilon = T.CreateChecked(a.Epsilon), momentum = T.CreateChecked(a.Momentum), n = T.CreateChecked(a.Rows);
            if (a.Batch)
            {
                using Scratch scratch = device.Scratch((long)blocks * c * sizeof(T));
                SumArgs sums = new(a.X, default, (nint)mean, (nint)scratch.As<T>(), a.Rows, c);
                device.Workers.For(blocks, sums with { Statistics = 0 }, &Sums<T, V>);
                Partials.Sum<T, V>(scratch.As<T>(), blocks, c, mean);
                for (int i = 0; i < c; i++) mean[i] /= n;
                device.Workers.For(blocks, sums, &Sums<T, V>);
                Partials.Sum<T, V>(scratch.As<T>(), blocks, c, inverse);
                for (int i = 0; i < c; i++)
                {
                    T squares = inverse[i];
                    inverse[i] = T.One / T.Sqrt(squares / n + epsilon);
                    if (runningMean != null) runningMean[i] += momentum * (mean[i] - runningMean[i]);
                    if (runningVariance != null) runningVariance[i] += momentum * (squares / (n - T.One) - runningVariance[i]);
                }
            }
            else
                for (int i = 0; i < c; i++) (mean[i], inverse[i]) = (runningMean[i], T.One / T.Sqrt(runningVariance[i] + epsilon));
            device.Workers.For(blocks, a, &Apply<T, V>);
        }

        static void Sums<T, V>(in SumArgs a, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int row, int end) = Workers.Range(block, a.Rows, RowsPerBlock(a.C));
            T* sums = (T*)a.Partial + (long)block * a.C, mean = (T*)a.Statistics;
            new Span<T>(sums, a.C).Clear();
            for (; row < end; row++)
            {
                T* x = a.X.As<T>() + (long)row * a.C;
                int i = 0;
                for (; i <= a.C - V.Count; i += V.Count)
                {
                    V v = V.Load(x + i), sum = V.Load(sums + i), d = mean == null ? v : v - V.Load(mean + i);
                    (mean == null ? sum + d : V.MultiplyAdd(d, d, sum)).Store(sums + i);
                }
                for (; i < a.C; i++) sums[i] += mean == null ? x[i] : (x[i] - mean[i]) * (x[i] - mean[i]);
            }
        }

        static void Apply<T, V>(in ForwardArgs a, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int row, int end) = Workers.Range(block, a.Rows, RowsPerBlock(a.C));
            T* mean = a.Statistics.As<T>(), inverse = mean + a.C, gamma = a.Gamma.As<T>(), beta = a.Beta.As<T>();
            for (; row < end; row++)
            {
                T* x = a.X.As<T>() + (long)row * a.C, y = a.Y.As<T>() + (long)row * a.C;
                int i = 0;
                for (; i <= a.C - V.Count; i += V.Count)
                {
                    V h = (V.Load(x + i) - V.Load(mean + i)) * V.Load(inverse + i);
                    if (gamma != null) h *= V.Load(gamma + i);
                    if (beta != null) h += V.Load(beta + i);
                    h.Store(y + i);
                }
                for (; i < a.C; i++) y[i] = (x[i] - mean[i]) * inverse[i] * (gamma == null ? T.One : gamma[i]) + (beta == null ? T.Zero : beta[i]);
            }
        }
    }

    struct BackwardBody : ICpuKernel<BackwardArgs>
    {
        public static void Run<T, V>(CpuDevice device, in BackwardArgs a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int blocks = Workers.Blocks(a.Rows, RowsPerBlock(a.C)), width = 2 * a.C;
            using (Scratch scratch = device.Scratch((long)Math.Max(1, blocks) * width * sizeof(T)))
            {
                device.Workers.For(blocks, new SumArgs(a.X, a.Dy, (nint)a.Statistics.As<T>(), (nint)scratch.As<T>(), a.Rows, a.C), &Sums<T, V>);
                Partials.Sum<T, V>(scratch.As<T>(), blocks, width, a.DParameters.As<T>());
            }
            device.Workers.For(blocks, a, &Apply<T, V>);
        }

        static void Sums<T, V>(in SumArgs a, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int row, int end) = Workers.Range(block, a.Rows, RowsPerBlock(a.C));
            T* dGamma = (T*)a.Partial + (long)block * 2 * a.C, dBeta = dGamma + a.C, mean = (T*)a.Statistics, inverse = mean + a.C;
            new Span<T>(dGamma, 2 * a.C).Clear();
            for (; row < end; row++)
            {
                T* x = a.X.As<T>() + (long)row * a.C, dy = a.Dy.As<T>() + (long)row * a.C;
                int i = 0;
                for (; i <= a.C - V.Count; i += V.Count)
                {
                    V d = V.Load(dy + i), h = (V.Load(x + i) - V.Load(mean + i)) * V.Load(inverse + i);
                    V.MultiplyAdd(d, h, V.Load(dGamma + i)).Store(dGamma + i);
                    (V.Load(dBeta + i) + d).Store(dBeta + i);
                }
                for (; i < a.C; i++)
                {
                    dGamma[i] += dy[i] * ((x[i] - mean[i]) * inverse[i]);
                    dBeta[i] += dy[i];
                }
            }
        }

        static void Apply<T, V>(in BackwardArgs a, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int row, int end) = Workers.Range(block, a.Rows, RowsPerBlock(a.C));
            T* mean = a.Statistics.As<T>(), inverse = mean + a.C, gamma = a.Gamma.As<T>(), dGamma = a.DParameters.As<T>(), dBeta = dGamma + a.C;
            T share = a.Batch ? T.One / T.CreateChecked(a.Rows) : T.Zero;
            for (; row < end; row++)
            {
                T* x = a.X.As<T>() + (long)row * a.C, dy = a.Dy.As<T>() + (long)row * a.C, dx = a.Dx.As<T>() + (long)row * a.C;
                int i = 0;
                V shares = V.All(share);
                for (; i <= a.C - V.Count; i += V.Count)
                {
                    V r = V.Load(inverse + i), h = (V.Load(x + i) - V.Load(mean + i)) * r;
                    V g = V.Load(dy + i) - shares * V.MultiplyAdd(h, V.Load(dGamma + i), V.Load(dBeta + i));
                    ((gamma == null ? r : V.Load(gamma + i) * r) * g).Store(dx + i);
                }
                for (; i < a.C; i++)
                {
                    T h = (x[i] - mean[i]) * inverse[i];
                    dx[i] = (gamma == null ? T.One : gamma[i]) * inverse[i] * (dy[i] - share * (dBeta[i] + h * dGamma[i]));
                }
            }
        }
    }
}

/// <summary>x.BatchNorm(…).</summary>
public static class BatchNormExtension
{
    extension(Tensor x)
    {
        /// <summary>Batch normalisation per channel; batch statistics while recording, running ones else, unless <paramref name="use"/> says otherwise.</summary>
        public Tensor BatchNorm(Tensor? gamma, Tensor? beta, Tensor? runningMean, Tensor? runningVariance, Statistics? use = null, double momentum = 0.1, double epsilon = 1e-5)
            => BatchNormOp.Of(x, gamma, beta, runningMean, runningVariance, use ?? (Tape.Recording ? Statistics.Batch : Statistics.Running), momentum, epsilon);
    }
}
