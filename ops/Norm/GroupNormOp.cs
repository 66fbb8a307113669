namespace MiniTorch.Ops;

/// <summary>
/// y = (x − μ) · r · γ + β with mean and biased variance over all positions and the channels of one group, per sample. x is [n, *spatial, c], group k holds
/// channels k·c/groups …. Saves x and one (μ, r) per sample and group.
/// </summary>
public sealed unsafe partial class GroupNormOp : Op
{
    readonly Saved x, statistics;
    readonly Saved? gamma;
    readonly Input beta;
    readonly int groups;

    GroupNormOp(Tensor x, int groups, Tensor? gamma, Tensor? beta, Tensor statistics) : base(x, gamma, beta)
        => (this.x, this.groups, this.gamma, this.beta, this.statistics) = (Save(x), groups, SaveOptional(gamma), beta, Save(statistics));

    /// <summary>Normalises x [n, *spatial, c] in groups; γ and β, of shape [c], are optional.</summary>
    public static Tensor Of(Tensor x, int groups, Tensor? gamma, Tensor? beta, double epsilon)
    {
        Expect.Real(x);
        Expect.That(x.Shape.Rank >= 2 && groups > 0 && x.Shape[^1] % groups == 0, $"x must be [n, *spatial, c] with c a multiple of {groups} groups", x);
        int n = x.Shape[0], c = x.Shape[^1];
        foreach (Tensor? p in (ReadOnlySpan<Tensor?>)[gamma, beta])
        {
            if (p is null) continue;
            Expect.Shape(p, [c]);
            Expect.Alike(x, p);
        }
        Tensor y = Tensor.Like(x), statistics = Tensor.Empty([n, groups, 2], x.DType.Wide(), x.Device);
        forward.Launch(x.Device, x.DType, new(x, gamma, beta, statistics, y, n, x.Shape.Product(1, x.Shape.Rank - 1), c, groups, epsilon));
        return Tape.Tracks(x, gamma, beta) ? y.From(new GroupNormOp(x, groups, gamma, beta, statistics)) : y;
    }

    /// <summary>As layer norm, with means over a group.</summary>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        int n = x.Shape[0], c = x.Shape[^1];
        Tensor dx = Tensor.Like(dy), partial = Tensor.Empty([n, 2, c], dy.DType.Wide(), dy.Device), dParameters = Tensor.Like(dy, [2, c]);
        backward.Launch(dy.Device, dy.DType, new(x, gamma, dy, statistics, dx, partial, dParameters, n, x.Shape.Product(1, x.Shape.Rank - 1), c, groups));
        gradients.Add(x, dx);
        if (gamma is not null) gradients.Add(gamma, dParameters.View([c]));
        gradients.Add(beta, dParameters.View([c], c));
    }

    readonly record struct ForwardArgs(Pointer X, Pointer Gamma, Pointer Beta, Pointer Statistics, Pointer Y, int N, int Area, int C, int Groups, double Epsilon) : ICost
    {
        public Cost Cost(int size) => new(0, 2.0 * size * N * Area * C, N, Area, C);
    }
    readonly record struct BackwardArgs(Pointer X, Pointer Gamma, Pointer Dy, Pointer Statistics, Pointer Dx, Pointer Partial, Pointer DParameters, int N, int Area, int C, int Groups) : ICost
    {
        public Cost Cost(int size) => new(0, 3.0 * size * N * Area * C, N, Area, C);
    }

    static readonly Kernel<ForwardArgs> forward = Kernel<ForwardArgs>.On<ForwardBody, ForwardCuda>("GroupNorm.forward");
    static readonly Kernel<BackwardArgs> backward = Kernel<BackwardArgs>.On<BackwardBody, BackwardCuda>("GroupNorm.backward");

    /// <summary>Σ over the positions of one sample, by channel: x, or (x − μ)² with μ [c] given. Long columns of small maps stay in the cache.</summary>
    static void Sums<T, V>(T* x, int area, int c, T* mean, T* sums) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        new Span<T>(sums, c).Clear();
        for (int p = 0; p < area; p++, x += c)
        {
            int i = 0;
            for (; i <= c - V.Count; i += V.Count)
            {
                V v = V.Load(x + i), sum = V.Load(sums + i), d = mean == null ? v : v - V.Load(mean + i);
                (mean == null ? sum + d : V.MultiplyAdd(d, d, sum)).Store(sums + i);
            }
            for (; i < c; i++) sums[i] += mean == null ? x[i] : (x[i] - mean[i]) * (x[i] - mean[i]);
        }
    }

    /// <summary>Statistics [groups, 2] of one sample as (μ, r) of every channel: two rows of c.</summary>
    static void Spread<T>(T* statistics, int groups, int c, T* mean, T* inverse) where T : unmanaged
    {
        int width = c / groups;
        for (int g = 0; g < groups; g++)
        {
            new Span<T>(mean + g * width, width).Fill(statistics[2 * g]);
            new Span<T>(inverse + g * width, width).Fill(statistics[2 * g + 1]);
        }
    }

    struct ForwardBody : ICpuKernel<ForwardArgs>
    {
        public static void Run<T, V>(CpuDevice device, in ForwardArgs a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(a.N, a, &Sample<T, V>);

        static void Sample<T, V>(in ForwardArgs a, int n) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int c = a.C, width = c / a.Groups;
            T* x = a.X.As<T>() + (long)n * a.Area * c, y = a.Y.As<T>() + (long)n * a.Area * c, gamma = a.Gamma.As<T>(), beta = a.Beta.As<T>();
            T* statistics = a.Statistics.As<T>() + 2L * n * a.Groups, sums = Workers.Local<T>(3L * c), mean = sums + c, inverse = mean + c;
            T count = T.CreateChecked((long)a.Area * width), epsilon = T.CreateChecked(a.Epsilon);
            for (int pass = 0; pass < 2; pass++)
            {
                Sums<T, V>(x, a.Area, c, pass == 0 ? null : mean, sums);
                for (int g = 0; g < a.Groups; g++)
                {
                    T sum = T.Zero;
                    for (int i = 0; i < width; i++) sum += sums[g * width + i];
                    statistics[2 * g + pass] = pass == 0 ? sum / count : T.One / T.Sqrt(sum / count + epsilon);
                }
                Spread(statistics, a.Groups, c, mean, inverse);
            }
            for (int p = 0; p < a.Area; p++, x += c, y += c)
            {
                int i = 0;
                for (; i <= c - V.Count; i += V.Count)
                {
                    V h = (V.Load(x + i) - V.Load(mean + i)) * V.Load(inverse + i);
                    if (gamma != null) h *= V.Load(gamma + i);
                    if (beta != null) h += V.Load(beta + i);
                    h.Store(y + i);
                }
                for (; i < c; i++) y[i] = (x[i] - mean[i]) * inverse[i] * (gamma == null ? T.One : gamma[i]) + (beta == null ? T.Zero : beta[i]);
            }
        }
    }

    struct BackwardBody : ICpuKernel<BackwardArgs>
    {
        public static void Run<T, V>(CpuDevice device, in BackwardArgs a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            device.Workers.For(a.N, a, &Sample<T, V>);
            Partials.Sum<T, V>(a.Partial.As<T>(), a.N, 2 * a.C, a.DParameters.As<T>());
        }

        static void Sample<T, V>(in BackwardArgs a, int n) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int c = a.C, width = c / a.Groups;
            long start = (long)n * a.Area * c;
            T* x = a.X.As<T>() + start, dy = a.Dy.As<T>() + start, dx = a.Dx.As<T>() + start, gamma = a.Gamma.As<T>();
            T* dGamma = a.Partial.As<T>() + 2L * n * c, dBeta = dGamma + c, mean = Workers.Local<T>(4L * c), inverse = mean + c, meanG = inverse + c, meanGh = meanG + c;
            Spread(a.Statistics.As<T>() + 2L * n * a.Groups, a.Groups, c, mean, inverse);
            new Span<T>(dGamma, 2 * c).Clear();
            for (int p = 0; p < a.Area; p++)
            {
                T* xs = x + (long)p * c, dys = dy + (long)p * c;
                int i = 0;
                for (; i <= c - V.Count; i += V.Count)
                {
                    V d = V.Load(dys + i), h = (V.Load(xs + i) - V.Load(mean + i)) * V.Load(inverse + i);
                    V.MultiplyAdd(d, h, V.Load(dGamma + i)).Store(dGamma + i);
                    (V.Load(dBeta + i) + d).Store(dBeta + i);
                }
                for (; i < c; i++) (dGamma[i], dBeta[i]) = (dGamma[i] + dys[i] * ((xs[i] - mean[i]) * inverse[i]), dBeta[i] + dys[i]);
            }
            T count = T.CreateChecked((long)a.Area * width);
            for (int g = 0; g < a.Groups; g++)
            {
                T sumG = T.Zero, sumGh = T.Zero;
                for (int i = g * width; i < (g + 1) * width; i++)
                {
                    T scale = gamma == null ? T.One : gamma[i];
                    sumG += dBeta[i] * scale;
                    sumGh += dGamma[i] * scale;
                }
                new Span<T>(meanG + g * width, width).Fill(sumG / count);
                new Span<T>(meanGh + g * width, width).Fill(sumGh / count);
            }
            for (int p = 0; p < a.Area; p++, x += c, dy += c, dx += c)
            {
                int i = 0;
                for (; i <= c - V.Count; i += V.Count)
                {
                    V r = V.Load(inverse + i), h = (V.Load(x + i) - V.Load(mean + i)) * r, g = V.Load(dy + i);
                    if (gamma != null) g *= V.Load(gamma + i);
                    (r * (g - V.Load(meanG + i) - h * V.Load(meanGh + i))).Store(dx + i);
                }
                for (; i < c; i++)
                    dx[i] = inverse[i] * (dy[i] * (gamma == null ? T.One : gamma[i]) - meanG[i] - (x[i] - mean[i]) * inverse[i] * meanGh[i]);
            }
        }
    }
}

/// <summary>x.GroupNorm(…).</summary>
public static class GroupNormExtension
{
    extension(Tensor x)
    {
        /// <summary>Group normalisation of x [n, *spatial, c], with optional scale and shift [c].</summary>
        public Tensor GroupNorm(int groups, Tensor? gamma = null, Tensor? beta = null, double epsilon = 1e-5) => GroupNormOp.Of(x, groups, gamma, beta, epsilon);
    }
}
