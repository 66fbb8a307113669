namespace MiniTorch.Ops;

/// <summary>
/// y = softmax(scale · q · kᵀ + mask) · v for each image and head. Saves the probabilities [batch, heads, n, m]; scale is d^-½ unless given.
/// </summary>
public sealed unsafe partial class ScaledDotProductAttention : Op
{
    readonly Saved q, k, v, probabilities;
    readonly Input mask;
    readonly RowArgs rows;

    ScaledDotProductAttention(Tensor q, Tensor k, Tensor v, Tensor? mask, Tensor probabilities, RowArgs rows) : base(q, k, v, mask)
    {
        (this.q, this.k, this.v, this.mask) = (Save(q), Save(k), Save(v), mask);
        (this.probabilities, this.rows) = (Save(probabilities), rows);
    }

    /// <summary>
    /// q [batch, heads, n, d], k [batch, heads, m, d], v [batch, heads, m, dv]: [batch, heads, n, dv]. The mask, added to the scores, has any shape
    /// that broadcasts to [batch, heads, n, m].
    /// </summary>
    public static Tensor Of(Tensor q, Tensor k, Tensor v, Tensor? mask = null, double? scale = null)
    {
        Expect.Real(q);
        Expect.Rank(q, 4, "[batch, heads, n, d]");
        Expect.Rank(k, 4, "[batch, heads, m, d]");
        Expect.Rank(v, 4, "[batch, heads, m, dv]");
        Expect.Alike(q, k);
        Expect.Alike(q, v);
        (int batch, int heads, int n, int d, int m) = (q.Shape[0], q.Shape[1], q.Shape[2], q.Shape[3], k.Shape[2]);
        Expect.Shape(k, [batch, heads, m, d]);
        Expect.Shape(v, [batch, heads, m, v.Shape[3]]);
        RowArgs rows = new(batch, heads, n, m, scale ?? 1 / Math.Sqrt(d));
        if (mask is not null) rows = Along(mask, rows, [batch, heads, n, m]);

        Tensor p = Tensor.Like(q, [batch, heads, n, m]), y = Tensor.Like(q, q.Shape.With(^1, v.Shape[3]));
        Product(q, k, p, n, m, d, transposeB: true);
        softmax.Launch(q.Device, q.DType, rows with { P = p, Mask = mask });
        Product(p, v, y, n, v.Shape[3], m);
        return Tape.Tracks(q, k, v, mask) ? y.From(new ScaledDotProductAttention(q, k, v, mask, p, rows)) : y;
    }

    /// <inheritdoc/>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y)
    {
        string turned = graph.Node("Transpose", [graph.Name(operands[1]!)], new OnnxAttribute("perm", Wholes: [0, 1, 3, 2]));
        string scores = graph.Node("Mul", [graph.Node("MatMul", [graph.Name(operands[0]!), turned]), graph.Scalar(rows.Scale)]);
        if (operands[3] is { } added) scores = graph.Node("Add", [scores, graph.Name(added)]);
        return graph.Node("MatMul", [graph.Node("Softmax", [scores], new OnnxAttribute("axis", -1)), graph.Name(operands[2]!)]);
    }

    /// <summary>dv = pᵀ · dy; dp = dy · vᵀ; ds = p · (dp − Σ p · dp) in each row; dq = scale · ds · k; dk = scale · dsᵀ · q.</summary>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor p = probabilities.Value;
        int n = p.Shape[2], m = p.Shape[3], d = q.Shape[3], dv = v.Shape[3];
        if (gradients.Wants(v))
        {
            Tensor dV = Tensor.Like(dy, v.Shape);
            Product(p, dy, dV, m, dv, n, transposeA: true);
            gradients.Add(v, dV);
        }
        if (!gradients.Wants(q) && !gradients.Wants(k) && !gradients.Wants(mask)) return;
        Tensor ds = Tensor.Like(p);
        Product(dy, v.Value, ds, n, m, dv, transposeB: true);
        slope.Launch(dy.Device, dy.DType, rows with { P = p, D = ds });
        if (gradients.Wants(mask))
        {
            Tensor dmask = Tensor.Like(dy, mask.Shape);
            maskSlope.Launch(dy.Device, dy.DType, rows with { D = ds, Mask = dmask, MaskCount = dmask.Count });
            gradients.Add(mask, dmask);
        }
        scores.Launch(dy.Device, dy.DType, rows with { D = ds });
        if (gradients.Wants(q))
        {
            Tensor dq = Tensor.Like(dy, q.Shape);
            Product(ds, k.Value, dq, n, d, m);
            gradients.Add(q, dq);
        }
        if (gradients.Wants(k))
        {
            Tensor dk = Tensor.Like(dy, k.Shape);
            Product(ds, q.Value, dk, m, d, n, transposeA: true);
            gradients.Add(k, dk);
        }
    }

    static void Product(Tensor a, Tensor b, Tensor c, int m, int n, int k, bool transposeA = false, bool transposeB = false)
        => product.Launch(a.Device, a.DType, new(a, b, c, m, n, k, transposeA, transposeB)
        {
            Batch = a.Shape[0] * a.Shape[1], BatchA = (long)m * k, BatchB = (long)k * n, BatchC = (long)m * n,
        });

    /// <summary>Steps of the mask along batch, heads, n and m: 0 where it has one element.</summary>
    static RowArgs Along(Tensor mask, RowArgs rows, ReadOnlySpan<int> scores)
    {
        Expect.Real(mask);
        Expect.That(mask.Shape.Rank <= 4, "the mask must broadcast to [batch, heads, n, m]", mask);
        Span<int> steps = [0, 0, 0, 0];
        for (int i = 1, step = 1; i <= mask.Shape.Rank; step *= mask.Shape[^i++])
        {
            int size = mask.Shape[^i];
            Expect.That(size == 1 || size == scores[^i], "the mask must broadcast to [batch, heads, n, m]", mask);
            steps[^i] = size == 1 ? 0 : step;
        }
        return rows with { MaskBatch = steps[0], MaskHead = steps[1], MaskRow = steps[2], MaskColumn = steps[3] };
    }

    /// <summary>Scores of [Batch, Heads, N, M], row by row.</summary>
    readonly record struct RowArgs(int Batch, int Heads, int N, int M, double Scale) : ICost
    {
        public Cost Cost(int size) => new(0, size * (double)Rows * M * (P.IsNull || D.IsNull ? 2 : 3), Batch, Heads, N, M);

        internal Pointer P { get; init; }
        internal Pointer D { get; init; }
        internal Pointer Mask { get; init; }
        internal int MaskBatch { get; init; }
        internal int MaskHead { get; init; }
        internal int MaskRow { get; init; }
        internal int MaskColumn { get; init; }
        internal int MaskCount { get; init; }

        internal int Rows => Batch * Heads * N;
        internal int BlockRows => Math.Max(1, 8192 / Math.Max(1, M));
    }

    static readonly Kernel<GemmArgs> product = Kernel<GemmArgs>.On<Gemm.Body, Gemm.Cuda>("ScaledDotProductAttention.product");
    static readonly Kernel<RowArgs> softmax = Kernel<RowArgs>.On<SoftmaxBody, SoftmaxCuda>("ScaledDotProductAttention.softmax");
    static readonly Kernel<RowArgs> scores = Kernel<RowArgs>.On<ScaleBody, ScaleCuda>("ScaledDotProductAttention.scale");
    static readonly Kernel<RowArgs> maskSlope = Kernel<RowArgs>.On<MaskBody, MaskCuda>("ScaledDotProductAttention.mask");
    static readonly Kernel<RowArgs> slope = Kernel<RowArgs>.On<SlopeBody, SlopeCuda>("ScaledDotProductAttention.slope");

    struct SoftmaxBody : ICpuKernel<RowArgs>
    {
        public static void Run<T, V>(CpuDevice device, in RowArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(args.Rows, args.BlockRows), args, &Block<T, V>);

        static void Block<T, V>(in RowArgs args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int begin, int end) = Workers.Range(block, args.Rows, args.BlockRows);
            int n = args.M;
            V scale = V.Of(args.Scale);
            T* lanes = stackalloc T[V.Count];
            for (int row = begin; row < end; row++)
            {
                T* p = args.P.As<T>() + (long)row * n;
                T* mask = null;
                if (!args.Mask.IsNull)
                {
                    int i = row % args.N, head = row / args.N;
                    mask = args.Mask.As<T>() + (long)(head / args.Heads) * args.MaskBatch + (long)(head % args.Heads) * args.MaskHead + (long)i * args.MaskRow;
                }
                V most = V.Of(double.NegativeInfinity);
                for (int j = 0; j < n; j += V.Count)
                {
                    V s = Read<T, V>(p, j, n, T.NegativeInfinity) * scale;
                    if (mask != null) s += args.MaskColumn == 0 ? V.All(*mask) : Read<T, V>(mask, j, n, T.Zero);
                    Write<T, V>(s, p, j, n);
                    most = V.Max(most, s);
                }
                most.Store(lanes);
                T max = lanes[0];
                for (int q = 1; q < V.Count; q++) max = T.Max(max, lanes[q]);
                V sum = V.Of(0), shift = V.All(max);
                for (int j = 0; j < n; j += V.Count)
                {
                    V e = V.Exp(Read<T, V>(p, j, n, T.NegativeInfinity) - shift);
                    Write<T, V>(e, p, j, n);
                    sum += Read<T, V>(p, j, n, T.Zero);
                }
                V share = V.All(T.One / sum.Sum());
                for (int j = 0; j < n; j += V.Count) Write<T, V>(Read<T, V>(p, j, n, T.Zero) * share, p, j, n);
            }
        }
    }

    struct SlopeBody : ICpuKernel<RowArgs>
    {
        public static void Run<T, V>(CpuDevice device, in RowArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(args.Rows, args.BlockRows), args, &Block<T, V>);

        static void Block<T, V>(in RowArgs args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int begin, int end) = Workers.Range(block, args.Rows, args.BlockRows);
            int n = args.M;
            for (int row = begin; row < end; row++)
            {
                T* p = args.P.As<T>() + (long)row * n, d = args.D.As<T>() + (long)row * n;
                V sum = V.Of(0);
                for (int j = 0; j < n; j += V.Count) sum = V.MultiplyAdd(Read<T, V>(p, j, n, T.Zero), Read<T, V>(d, j, n, T.Zero), sum);
                V mean = V.All(sum.Sum());
                for (int j = 0; j < n; j += V.Count) Write<T, V>(Read<T, V>(p, j, n, T.Zero) * (Read<T, V>(d, j, n, T.Zero) - mean), d, j, n);
            }
        }
    }

    struct ScaleBody : ICpuKernel<RowArgs>
    {
        public static void Run<T, V>(CpuDevice device, in RowArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(args.Rows, args.BlockRows), args, &Block<T, V>);

        static void Block<T, V>(in RowArgs args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int begin, int end) = Workers.Range(block, args.Rows, args.BlockRows);
            T* d = args.D.As<T>() + (long)begin * args.M;
            int n = (end - begin) * args.M;
            V scale = V.Of(args.Scale);
            for (int j = 0; j < n; j += V.Count) Write<T, V>(Read<T, V>(d, j, n, T.Zero) * scale, d, j, n);
        }
    }

    /// <summary>Each element of the mask collects the slopes of all scores it was added to.</summary>
    struct MaskBody : ICpuKernel<RowArgs>
    {
        const int Elements = 64;

        public static void Run<T, V>(CpuDevice device, in RowArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(args.MaskCount, Elements), args, &Block<T>);

        static void Block<T>(in RowArgs args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            (int begin, int end) = Workers.Range(block, args.MaskCount, Elements);
            for (int i = begin; i < end; i++)
            {
                (int b0, int b1) = Span(i, args.MaskBatch, args.Batch);
                (int h0, int h1) = Span(i, args.MaskHead, args.Heads);
                (int n0, int n1) = Span(i, args.MaskRow, args.N);
                (int m0, int m1) = Span(i, args.MaskColumn, args.M);
                T sum = T.Zero;
                for (int b = b0; b < b1; b++)
                    for (int h = h0; h < h1; h++)
                        for (int n = n0; n < n1; n++)
                        {
                            T* d = args.D.As<T>() + (((long)b * args.Heads + h) * args.N + n) * args.M;
                            for (int m = m0; m < m1; m++) sum += d[m];
                        }
                args.Mask.As<T>()[i] = sum;
            }
        }

        static (int Begin, int End) Span(int element, int step, int size) => step == 0 ? (0, size) : (element / step % size, element / step % size + 1);
    }

    static V Read<T, V>(T* from, int j, int n, T rest) where T : unmanaged where V : struct, ILanes<V, T>
        => j + V.Count <= n ? V.Load(from + j) : Lanes.LoadPartial<V, T>(from + j, n - j, rest);

    static void Write<T, V>(V value, T* to, int j, int n) where T : unmanaged where V : struct, ILanes<V, T>
    {
        if (j + V.Count <= n) value.Store(to + j);
        else Lanes.StorePartial(value, to + j, n - j);
    }
}
