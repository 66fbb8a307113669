namespace MiniTorch.Ops;

/// <summary>y = (x − μ) · r · γ + β over the last dimension, with r = 1/√(σ² + ε) and the biased variance σ². Saves x and one (μ, r) a row.</summary>
public sealed unsafe class LayerNormOp : Op
{
    readonly Saved x, statistics;
    readonly Saved? gamma;
    readonly Input beta;

    LayerNormOp(Tensor x, Tensor? gamma, Tensor? beta, Tensor statistics) : base(x, gamma, beta)
        => (this.x, this.gamma, this.beta, this.statistics) = (Save(x), SaveOptional(gamma), beta, Save(statistics));

    /// <summary>Normalises the rows of x [..., c]; γ and β, of shape [c], are optional.</summary>
    public static Tensor Of(Tensor x, Tensor? gamma, Tensor? beta, double epsilon)
    {
        Expect.Real(x);
        Expect.That(x.Shape.Rank > 0 && x.Shape[^1] > 0, "x must have a last dimension of at least 1", x);
        int c = x.Shape[^1], rows = x.Count / c;
        foreach (Tensor? p in (ReadOnlySpan<Tensor?>)[gamma, beta])
        {
            if (p is null) continue;
            Expect.Shape(p, [c]);
            Expect.Alike(x, p);
        }
        Tensor y = Tensor.Like(x), statistics = Tensor.Like(x, [rows, 2]);
        forward.Launch(x.Device, x.DType, new(x, gamma, beta, statistics, y, rows, c, epsilon));
        return Tape.Tracks(x, gamma, beta) ? y.From(new LayerNormOp(x, gamma, beta, statistics)) : y;
    }

    /// <summary>With h = (x − μ) r and g = dy · γ: dx = r (g − mean(g) − h · mean(g · h)), dγ = Σ dy · h, dβ = Σ dy.</summary>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        int c = x.Shape[^1], rows = dy.Count / c;
        bool parameters = gamma is not null && gradients.Wants(gamma) || gradients.Wants(beta);
        Tensor dx = Tensor.Like(dy), dParameters = Tensor.Like(dy, [2, c]);
        backward.Launch(dy.Device, dy.DType, new(x, gamma, dy, statistics, dx, dParameters, rows, c, parameters));
        gradients.Add(x, dx);
        if (gamma is not null) gradients.Add(gamma, dParameters.View([c]));
        gradients.Add(beta, dParameters.View([c], c));
    }

    readonly record struct ForwardArgs(Pointer X, Pointer Gamma, Pointer Beta, Pointer Statistics, Pointer Y, int Rows, int C, double Epsilon) : ICost
    {
        public Cost Cost(int size) => new(0, 2.0 * size * Rows * C, Rows, C);
    }
    readonly record struct BackwardArgs(Pointer X, Pointer Gamma, Pointer Dy, Pointer Statistics, Pointer Dx, Pointer DParameters, int Rows, int C, bool Parameters) : ICost
    {
        public Cost Cost(int size) => new(0, 3.0 * size * Rows * C, Rows, C);

        /// <summary>Partial sums of dγ and dβ, one pair of rows a block.</summary>
        internal nint Partial { get; init; }
    }

    static readonly Kernel<ForwardArgs> forward = Kernel<ForwardArgs>.On<ForwardBody>("LayerNorm.forward");
    static readonly Kernel<BackwardArgs> backward = Kernel<BackwardArgs>.On<BackwardBody>("LayerNorm.backward");

    static int RowsPerBlock(int c) => Math.Max(1, 16384 / c);

    struct ForwardBody : ICpuKernel<ForwardArgs>
    {
        public static void Run<T, V>(CpuDevice device, in ForwardArgs a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(a.Rows, RowsPerBlock(a.C)), a, &Block<T, V>);

        static void Block<T, V>(in ForwardArgs a, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int row, int end) = Workers.Range(block, a.Rows, RowsPerBlock(a.C));
            int c = a.C, whole = c - c % V.Count;
            T* gamma = a.Gamma.As<T>(), beta = a.Beta.As<T>();
            T n = T.CreateChecked(c), epsilon = T.CreateChecked(a.Epsilon);
            for (; row < end; row++)
            {
                T* x = a.X.As<T>() + (long)row * c, y = a.Y.As<T>() + (long)row * c, s = a.Statistics.As<T>() + 2L * row;
                V sum = V.Of(0);
                for (int i = 0; i < whole; i += V.Count) sum += V.Load(x + i);
                T mean = sum.Sum();
                for (int i = whole; i < c; i++) mean += x[i];
                mean /= n;
                V m = V.All(mean), squares = V.Of(0);
                for (int i = 0; i < whole; i += V.Count)
                {
                    V d = V.Load(x + i) - m;
                    squares = V.MultiplyAdd(d, d, squares);
                }
                T variance = squares.Sum();
                for (int i = whole; i < c; i++) variance += (x[i] - mean) * (x[i] - mean);
                T inverse = T.One / T.Sqrt(variance / n + epsilon);
                (s[0], s[1]) = (mean, inverse);
                V r = V.All(inverse);
                for (int i = 0; i < whole; i += V.Count)
                {
                    V h = (V.Load(x + i) - m) * r;
                    if (gamma != null) h *= V.Load(gamma + i);
                    if (beta != null) h += V.Load(beta + i);
                    h.Store(y + i);
                }
                for (int i = whole; i < c; i++) y[i] = (x[i] - mean) * inverse * (gamma == null ? T.One : gamma[i]) + (beta == null ? T.Zero : beta[i]);
            }
        }
    }

    struct BackwardBody : ICpuKernel<BackwardArgs>
    {
        public static void Run<T, V>(CpuDevice device, in BackwardArgs a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int blocks = Workers.Blocks(a.Rows, RowsPerBlock(a.C)), width = 2 * a.C;
            using Scratch scratch = device.Scratch((long)Math.Max(1, blocks) * width * sizeof(T));
            T* partial = scratch.As<T>(), sums = a.DParameters.As<T>();
            device.Workers.For(blocks, a with { Partial = (nint)partial }, &Block<T, V>);
            new Span<T>(sums, width).Clear();
            if (!a.Parameters) return;
            for (int b = 0; b < blocks; b++)
                for (int i = 0; i < width; i++) sums[i] += partial[(long)b * width + i];
        }

        static void Block<T, V>(in BackwardArgs a, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int row, int end) = Workers.Range(block, a.Rows, RowsPerBlock(a.C));
            int c = a.C, whole = c - c % V.Count;
            T* gamma = a.Gamma.As<T>(), dGamma = (T*)a.Partial + (long)block * 2 * c, dBeta = dGamma + c;
            new Span<T>(dGamma, 2 * c).Clear();
            T n = T.CreateChecked(c);
            for (; row < end; row++)
            {
                T* x = a.X.As<T>() + (long)row * c, dy = a.Dy.As<T>() + (long)row * c, dx = a.Dx.As<T>() + (long)row * c, s = a.Statistics.As<T>() + 2L * row;
                V m = V.All(s[0]), r = V.All(s[1]), sumG = V.Of(0), sumGh = V.Of(0);
                for (int i = 0; i < whole; i += V.Count)
                {
                    V d = V.Load(dy + i), h = (V.Load(x + i) - m) * r, g = gamma == null ? d : d * V.Load(gamma + i);
                    sumG += g;
                    sumGh = V.MultiplyAdd(g, h, sumGh);
                    V.MultiplyAdd(d, h, V.Load(dGamma + i)).Store(dGamma + i);
                    (V.Load(dBeta + i) + d).Store(dBeta + i);
                }
                T meanG = sumG.Sum(), meanGh = sumGh.Sum();
                for (int i = whole; i < c; i++)
                {
                    T h = (x[i] - s[0]) * s[1], g = gamma == null ? dy[i] : dy[i] * gamma[i];
                    meanG += g;
                    meanGh += g * h;
                    dGamma[i] += dy[i] * h;
                    dBeta[i] += dy[i];
                }
                meanG /= n;
                meanGh /= n;
                V vG = V.All(meanG), vGh = V.All(meanGh);
                for (int i = 0; i < whole; i += V.Count)
                {
                    V d = V.Load(dy + i), h = (V.Load(x + i) - m) * r, g = gamma == null ? d : d * V.Load(gamma + i);
                    (r * (g - vG - h * vGh)).Store(dx + i);
                }
                for (int i = whole; i < c; i++)
                {
                    T h = (x[i] - s[0]) * s[1], g = gamma == null ? dy[i] : dy[i] * gamma[i];
                    dx[i] = s[1] * (g - meanG - h * meanGh);
                }
            }
        }
    }
}

/// <summary>x.LayerNorm(…).</summary>
public static class LayerNormExtension
{
    extension(Tensor x)
    {
        /// <summary>Layer normalisation over the last dimension, with optional scale and shift [c].</summary>
        public Tensor LayerNorm(Tensor? gamma = null, Tensor? beta = null, double epsilon = 1e-6) => LayerNormOp.Of(x, gamma, beta, epsilon);
    }
}
