namespace MiniTorch.Ops;

/// <summary>
/// Distances of all pairs: y[…, i, j] = ‖a[…, i] − b[…, j]‖ for a [..., n, d] and b [..., m, d], by the direct formula, which keeps small distances exact.
/// da[i] = Σⱼ dy[i, j] (a[i] − b[j]) / y[i, j], where a distance of 0 gives 0. Saves a, b and y.
/// </summary>
public sealed unsafe partial class Cdist : Op
{
    readonly Saved a, b, y;

    Cdist(Tensor a, Tensor b, Tensor y) : base(a, b) => (this.a, this.b, this.y) = (Save(a), Save(b), Save(y));

    /// <summary>Euclidean distances [..., n, m] between the points a [..., n, d] and b [..., m, d].</summary>
    public static Tensor Of(Tensor a, Tensor b)
    {
        Expect.Real(a);
        Expect.Alike(a, b);
        Expect.That(a.Shape.Rank >= 2, "a must be [..., n, d]", a);
        Expect.Shape(b, a.Shape.With(^2, b.Shape.Rank == a.Shape.Rank ? b.Shape[^2] : a.Shape[^2]));
        Tensor y = Tensor.Like(a, a.Shape.With(^1, b.Shape[^2]));
        forward.Launch(a.Device, a.DType, new(a, b, default, y, default, a.Shape[^2], b.Shape[^2], a.Shape[^1], a.Shape.Product(0, a.Shape.Rank - 1), false));
        return Tape.Tracks(a, b) ? y.From(new Cdist(a, b, y)) : y;
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Add(a, b, false);
        Add(b, a, true);

        void Add(Saved own, Saved other, bool transposed)
        {
            if (!gradients.Wants(own)) return;
            Tensor d = Tensor.Like(dy, own.Shape);
            Shape s = own.Shape;
            backward.Launch(dy.Device, dy.DType, new(own, other, dy, y, d, s[^2], other.Shape[^2], s[^1], s.Product(0, s.Rank - 1), transposed));
            gradients.Add(own, d);
        }
    }

    /// <summary>Points of A, N per batch and Points in all, against M points of B; Y and Dy are [N, M] per batch, or [M, N] if transposed.</summary>
    readonly record struct Args(Pointer A, Pointer B, Pointer Dy, Pointer Y, Pointer Da, int N, int M, int D, int Points, bool Transposed) : ICost
    {
        public Cost Cost(int size) => new(2.0 * Points * M * D, size * (double)Points * (M * (Dy.IsNull ? 1.0 : 2.0) + D * (1.0 + (double)M / N + (Da.IsNull ? 0 : 1))), Points, M, D);
    }

    static readonly Kernel<Args> forward = Kernel<Args>.On<ForwardBody, ForwardCuda>("Cdist.forward"), backward = Kernel<Args>.On<BackwardBody, BackwardCuda>("Cdist.backward");

    struct ForwardBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(args.Points, args, &Point<T, V>);

        static void Point<T, V>(in Args args, int point) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int d = args.D;
            T* a = args.A.As<T>() + (long)point * d, b = args.B.As<T>() + (long)(point / args.N) * args.M * d, y = args.Y.As<T>() + (long)point * args.M;
            for (int j = 0; j < args.M; j++, b += d)
            {
                V lanes = V.Of(0);
                int k = 0;
                for (; k <= d - V.Count; k += V.Count)
                {
                    V difference = V.Load(a + k) - V.Load(b + k);
                    lanes = V.MultiplyAdd(difference, difference, lanes);
                }
                T sum = lanes.Sum();
                for (; k < d; k++) sum += (a[k] - b[k]) * (a[k] - b[k]);
                y[j] = T.Sqrt(sum);
            }
        }
    }

    struct BackwardBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(args.Points, args, &Point<T, V>);

        static void Point<T, V>(in Args args, int point) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int d = args.D, batch = point / args.N, i = point % args.N, step = args.Transposed ? args.N : 1;
            long first = (long)batch * args.N * args.M + (args.Transposed ? i : (long)i * args.M);
            T* a = args.A.As<T>() + (long)point * d, b = args.B.As<T>() + (long)batch * args.M * d, da = args.Da.As<T>() + (long)point * d;
            T* y = args.Y.As<T>() + first, dy = args.Dy.As<T>() + first;
            new Span<T>(da, d).Clear();
            for (int j = 0; j < args.M; j++, b += d, y += step, dy += step)
            {
                if (T.IsZero(*y)) continue;
                T slope = *dy / *y;
                V slopes = V.All(slope);
                int k = 0;
                for (; k <= d - V.Count; k += V.Count) V.MultiplyAdd(slopes, V.Load(a + k) - V.Load(b + k), V.Load(da + k)).Store(da + k);
                for (; k < d; k++) da[k] += slope * (a[k] - b[k]);
            }
        }
    }
}

/// <summary>a.Cdist(b).</summary>
public static class CdistExtension
{
    extension(Tensor a)
    {
        /// <summary>Euclidean distances [..., n, m] between the points a [..., n, d] and b [..., m, d].</summary>
        public Tensor Cdist(Tensor b) => Ops.Cdist.Of(a, b);
    }
}
