namespace MiniTorch.Ops;

/// <summary>
/// y = (x − μ) · r · γ + β with mean and biased variance over all positions and the channels of one group, per sample. x is [n, *spatial, c], group k holds
/// channels k·c/groups …. Saves x and one (μ, r) per sample and group.
/// </summary>
public sealed unsafe class GroupNormOp : Op
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
        Tensor y = Tensor.Like(x), statistics = Tensor.Like(x, [n, groups, 2]);
        forward.Launch(x.Device, x.DType, new(x, gamma, beta, statistics, y, n, x.Shape.Product(1, x.Shape.Rank - 1), c, groups, epsilon));
        return Tape.Tracks(x, gamma, beta) ? y.From(new GroupNormOp(x, groups, gamma, beta, statistics)) : y;
    }

    /// <summary>As layer norm, with means over a group.</summary>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        int n = x.Shape[0], c = x.Shape[^1];
        Tensor dx = Tensor.Like(dy), partial = Tensor.Like(dy, [n, 2, c]), dParameters = Tensor.Zeros([2, c], dy.DType, dy.Device);
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

    static readonly Kernel<ForwardArgs> forward = Kernel<ForwardArgs>.On<ForwardBody>("GroupNorm.forward");
    static readonly Kernel<BackwardArgs> backward = Kernel<BackwardArgs>.On<BackwardBody>("GroupNorm.backward");

    struct ForwardBody : ICpuKernel<ForwardArgs>
    {
        public static void Run<T, V>(CpuDevice device, in ForwardArgs a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(a.N, a, &Sample<T>);

        static void Sample<T>(in ForwardArgs a, int n) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            int c = a.C, width = c / a.Groups;
            T* x = a.X.As<T>() + (long)n * a.Area * c, y = a.Y.As<T>() + (long)n * a.Area * c, gamma = a.Gamma.As<T>(), beta = a.Beta.As<T>();
            T* sums = Workers.Local<T>(c);
            T count = T.CreateChecked((long)a.Area * width), epsilon = T.CreateChecked(a.Epsilon);
            for (int pass = 0; pass < 2; pass++)
            {
                new Span<T>(sums, c).Clear();
                for (int p = 0; p < a.Area; p++)
                    for (int i = 0; i < c; i++)
                    {
                        T v = x[(long)p * c + i];
                        if (pass == 1) v = (v - Mean(a, n, i)) * (v - Mean(a, n, i));
                        sums[i] += v;
                    }
                for (int g = 0; g < a.Groups; g++)
                {
                    T sum = T.Zero;
                    for (int i = 0; i < width; i++) sum += sums[g * width + i];
                    T* s = a.Statistics.As<T>() + 2L * (n * a.Groups + g);
                    s[pass] = pass == 0 ? sum / count : T.One / T.Sqrt(sum / count + epsilon);
                }
            }
            for (int p = 0; p < a.Area; p++)
                for (int i = 0; i < c; i++)
                {
                    T* s = a.Statistics.As<T>() + 2L * (n * a.Groups + i / width);
                    y[(long)p * c + i] = (x[(long)p * c + i] - s[0]) * s[1] * (gamma == null ? T.One : gamma[i]) + (beta == null ? T.Zero : beta[i]);
                }

            static T Mean(in ForwardArgs a, int n, int i) => a.Statistics.As<T>()[2L * (n * a.Groups + i / (a.C / a.Groups))];
        }
    }

    struct BackwardBody : ICpuKernel<BackwardArgs>
    {
        public static void Run<T, V>(CpuDevice device, in BackwardArgs a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            device.Workers.For(a.N, a, &Sample<T>);
            T* sums = a.DParameters.As<T>(), partial = a.Partial.As<T>();
            for (int n = 0; n < a.N; n++)
                for (int i = 0; i < 2 * a.C; i++) sums[i] += partial[2L * n * a.C + i];
        }

        static void Sample<T>(in BackwardArgs a, int n) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            int c = a.C, width = c / a.Groups;
            T* x = a.X.As<T>() + (long)n * a.Area * c, dy = a.Dy.As<T>() + (long)n * a.Area * c, dx = a.Dx.As<T>() + (long)n * a.Area * c, gamma = a.Gamma.As<T>();
            T* dGamma = a.Partial.As<T>() + 2L * n * c, dBeta = dGamma + c, statistics = a.Statistics.As<T>() + 2L * n * a.Groups;
            new Span<T>(dGamma, 2 * c).Clear();
            for (int p = 0; p < a.Area; p++)
                for (int i = 0; i < c; i++)
                {
                    T* s = statistics + 2 * (i / width);
                    T d = dy[(long)p * c + i];
                    dGamma[i] += d * (x[(long)p * c + i] - s[0]) * s[1];
                    dBeta[i] += d;
                }
            T* means = Workers.Local<T>(2 * a.Groups);
            T count = T.CreateChecked((long)a.Area * width);
            for (int g = 0; g < a.Groups; g++)
            {
                T meanG = T.Zero, meanGh = T.Zero;
                for (int i = g * width; i < (g + 1) * width; i++)
                {
                    T scale = gamma == null ? T.One : gamma[i];
                    meanG += dBeta[i] * scale;
                    meanGh += dGamma[i] * scale;
                }
                (means[2 * g], means[2 * g + 1]) = (meanG / count, meanGh / count);
            }
            for (int p = 0; p < a.Area; p++)
                for (int i = 0; i < c; i++)
                {
                    int g = i / width;
                    T* s = statistics + 2 * g;
                    T h = (x[(long)p * c + i] - s[0]) * s[1];
                    dx[(long)p * c + i] = s[1] * (dy[(long)p * c + i] * (gamma == null ? T.One : gamma[i]) - means[2 * g] - h * means[2 * g + 1]);
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
