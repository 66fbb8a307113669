namespace MiniTorch.Ops;

/// <summary>y = (x − μ) · r · γ + β over the last dimension, with r = 1/√(σ² + ε) and the biased variance σ². Saves x and one (μ, r) a row.</summary>
public sealed unsafe partial class LayerNormOp : Op
{
    readonly Saved x, statistics;
    readonly Saved? gamma;
    readonly Input beta;
    readonly double epsilon;

    LayerNormOp(Tensor x, Tensor? gamma, Tensor? beta, Tensor statistics, double epsilon) : base(x, gamma, beta)
        => (this.x, this.gamma, this.beta, this.statistics, this.epsilon) = (Save(x), SaveOptional(gamma), beta, Save(statistics), epsilon);

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
        Tensor y = Tensor.Like(x), statistics = Tensor.Empty([rows, 2], x.DType.Wide(), x.Device);
        forward.Launch(x.Device, x.DType, new(x, gamma, beta, statistics, y, rows, c, epsilon));
        return Tape.Tracks(x, gamma, beta) ? y.From(new LayerNormOp(x, gamma, beta, statistics, epsilon)) : y;
    }

    /// <inheritdoc/>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y)
    {
        double[] ones = new double[y.Shape[^1]];
        Array.Fill(ones, 1);
        string scale = operands[1] is { } gammaTensor ? graph.Name(gammaTensor) : graph.Vector(ones);
        string[] inputs = operands[2] is { } betaTensor ? [graph.Name(operands[0]!), scale, graph.Name(betaTensor)] : [graph.Name(operands[0]!), scale];
        return graph.Node("LayerNormalization", inputs, new OnnxAttribute("axis", -1), new OnnxAttribute("epsilon", Real: epsilon));
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

    static readonly Kernel<ForwardArgs> forward = Kernel<ForwardArgs>.On<ForwardBody, ForwardCuda>("LayerNorm.forward");
    static readonly Kernel<BackwardArgs> backward = Kernel<BackwardArgs>.On<BackwardBody, BackwardCuda>("LayerNorm.backward");

    static int RowsPerBlock(int c) => Math.Max(1, 16384 / c);

    struct ForwardBody : ICpuKernel<ForwardArgs>
    {
        const int Abreast = 4;      // rows

        public static void Run<T, V>(CpuDevice device, in ForwardArgs a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(a.Rows, RowsPerBlock(a.C)), a, &Block<T, V>);

        static void Block<T, V>(in ForwardArgs a, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int row, int end) = Workers.Range(block, a.Rows, RowsPerBlock(a.C));
            int c = a.C, whole = c - c % V.Count;
            T* gamma = a.Gamma.As<T>(), beta = a.Beta.As<T>();
            T epsilon = T.CreateChecked(a.Epsilon);
            for (; row < end; row += Abreast)
            {
                T* first = a.X.As<T>() + (long)row * c, s = a.Statistics.As<T>() + 2L * row;
                int rows = Math.Min(Abreast, end - row);
                Statistics<T, V>(first, rows, c, epsilon, s);
                for (int k = 0; k < rows; k++)
                {
                    T* x = first + (long)k * c, y = a.Y.As<T>() + (long)(row + k) * c;
                    T mean = s[2 * k], inverse = s[2 * k + 1];
                    V m = V.All(mean), r = V.All(inverse);
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

        /// <summary>
        /// (μ, r) of up to four rows, from a first look at them for the mean and a second, while they are cached, for the variance. Abreast, because each row by itself is
        /// little more than waiting for its sums. Where rows are missing, the last one stands in.
        /// </summary>
        static void Statistics<T, V>(T* x, int rows, int c, T epsilon, T* s) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            T* x1 = x + (rows > 1 ? c : 0), x2 = rows > 2 ? x1 + c : x1, x3 = rows > 3 ? x2 + c : x2;
            int whole = c - c % V.Count;
            T n = T.CreateChecked(c);
            V a0 = V.Of(0), a1 = a0, a2 = a0, a3 = a0;
            for (int i = 0; i < whole; i += V.Count)
            {
                a0 += V.Load(x + i);
                a1 += V.Load(x1 + i);
                a2 += V.Load(x2 + i);
                a3 += V.Load(x3 + i);
            }
            T m0 = a0.Sum(), m1 = a1.Sum(), m2 = a2.Sum(), m3 = a3.Sum();
            for (int i = whole; i < c; i++) (m0, m1, m2, m3) = (m0 + x[i], m1 + x1[i], m2 + x2[i], m3 + x3[i]);
            (m0, m1, m2, m3) = (m0 / n, m1 / n, m2 / n, m3 / n);
            V v0 = V.All(m0), v1 = V.All(m1), v2 = V.All(m2), v3 = V.All(m3);
            a0 = a1 = a2 = a3 = V.Of(0);
            for (int i = 0; i < whole; i += V.Count)
            {
                V d0 = V.Load(x + i) - v0, d1 = V.Load(x1 + i) - v1, d2 = V.Load(x2 + i) - v2, d3 = V.Load(x3 + i) - v3;
                a0 = V.MultiplyAdd(d0, d0, a0);
                a1 = V.MultiplyAdd(d1, d1, a1);
                a2 = V.MultiplyAdd(d2, d2, a2);
                a3 = V.MultiplyAdd(d3, d3, a3);
            }
            T q0 = a0.Sum(), q1 = a1.Sum(), q2 = a2.Sum(), q3 = a3.Sum();
            for (int i = whole; i < c; i++)
                (q0, q1, q2, q3) = (q0 + (x[i] - m0) * (x[i] - m0), q1 + (x1[i] - m1) * (x1[i] - m1), q2 + (x2[i] - m2) * (x2[i] - m2), q3 + (x3[i] - m3) * (x3[i] - m3));
            (s[0], s[1]) = (m0, T.One / T.Sqrt(q0 / n + epsilon));
            if (rows > 1) (s[2], s[3]) = (m1, T.One / T.Sqrt(q1 / n + epsilon));
            if (rows > 2) (s[4], s[5]) = (m2, T.One / T.Sqrt(q2 / n + epsilon));
            if (rows > 3) (s[6], s[7]) = (m3, T.One / T.Sqrt(q3 / n + epsilon));
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
            if (a.Parameters) Partials.Sum<T, V>(partial, blocks, width, sums);
        }

        static void Block<T, V>(in BackwardArgs a, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int row, int end) = Workers.Range(block, a.Rows, RowsPerBlock(a.C));
            int c = a.C, whole = c - c % V.Count;
            T* gamma = a.Gamma.As<T>(), dGamma = (T*)a.Partial + (long)block * 2 * c, dBeta = dGamma + c;
            new Span<T>(dGamma, 2 * c).Clear();
            T* zeros = Workers.Local<T>(c);
            new Span<T>(zeros, c).Clear();
            T n = T.CreateChecked(c);
            for (; row < end; row += 2)
            {
                T* x = a.X.As<T>() + (long)row * c, dy = a.Dy.As<T>() + (long)row * c, s = a.Statistics.As<T>() + 2L * row;
                bool two = row + 1 < end;
                T* x1 = two ? x + c : x, dy1 = two ? dy + c : zeros, s1 = two ? s + 2 : s;        // a row of zeros adds nothing to any sum
                V m = V.All(s[0]), r = V.All(s[1]), m1 = V.All(s1[0]), r1 = V.All(s1[1]), sumG = V.Of(0), sumGh = sumG, sumG1 = sumG, sumGh1 = sumG;
                for (int i = 0; i < whole; i += V.Count)
                {
                    V d = V.Load(dy + i), h = (V.Load(x + i) - m) * r, d1 = V.Load(dy1 + i), h1 = (V.Load(x1 + i) - m1) * r1;
                    V.MultiplyAdd(d1, h1, V.MultiplyAdd(d, h, V.Load(dGamma + i))).Store(dGamma + i);
                    (V.Load(dBeta + i) + (d + d1)).Store(dBeta + i);
                    if (gamma != null)
                    {
                        V scale = V.Load(gamma + i);
                        (d, d1) = (d * scale, d1 * scale);
                    }
                    (sumG, sumG1) = (sumG + d, sumG1 + d1);
                    sumGh = V.MultiplyAdd(d, h, sumGh);
                    sumGh1 = V.MultiplyAdd(d1, h1, sumGh1);
                }
                T g = sumG.Sum(), gh = sumGh.Sum(), g1 = sumG1.Sum(), gh1 = sumGh1.Sum();
                for (int i = whole; i < c; i++)
                {
                    T scale = gamma == null ? T.One : gamma[i], h = (x[i] - s[0]) * s[1], h1 = (x1[i] - s1[0]) * s1[1];
                    dGamma[i] += dy[i] * h + dy1[i] * h1;
                    dBeta[i] += dy[i] + dy1[i];
                    (g, g1, gh, gh1) = (g + dy[i] * scale, g1 + dy1[i] * scale, gh + dy[i] * scale * h, gh1 + dy1[i] * scale * h1);
                }
                T* dx = a.Dx.As<T>() + (long)row * c;
                Row<T, V>(x, dy, gamma, s, g / n, gh / n, dx, c);
                if (two) Row<T, V>(x1, dy1, gamma, s1, g1 / n, gh1 / n, dx + c, c);
            }
        }

        /// <summary>dx of a row from its means of g and g h.</summary>
        static void Row<T, V>(T* x, T* dy, T* gamma, T* s, T meanG, T meanGh, T* dx, int c) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            V m = V.All(s[0]), r = V.All(s[1]), vG = V.All(meanG), vGh = V.All(meanGh);
            int i = 0;
            for (; i <= c - V.Count; i += V.Count)
            {
                V d = V.Load(dy + i), h = (V.Load(x + i) - m) * r, g = gamma == null ? d : d * V.Load(gamma + i);
                (r * (g - vG - h * vGh)).Store(dx + i);
            }
            for (; i < c; i++) dx[i] = s[1] * ((gamma == null ? dy[i] : dy[i] * gamma[i]) - meanG - (x[i] - s[0]) * s[1] * meanGh);
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
