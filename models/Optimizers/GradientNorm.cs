namespace MiniTorch.Models;

/// <summary>
/// The 2-norm of all gradients together, √Σg², and the factor that keeps it below a limit; both stay in device memory: [norm, factor]. Summed in double
/// over fixed blocks, in order.
/// </summary>
sealed unsafe class GradientNorm : IDisposable
{
    readonly record struct SquaresArgs(Pointer X, Pointer To, int Slot, int Count, Pointer Partial) : ICost
    {
        public Cost Cost(int size) => new(2.0 * Count, (double)size * Count, Count);
    }
    readonly record struct LimitArgs(Pointer Squares, Pointer Result, int Count, double Limit, double Added) : ICost
    {
        public Cost Cost(int size) => new(0, (double)size * Count, Count);
    }

    static readonly Kernel<SquaresArgs> squares = Kernel<SquaresArgs>.On<SquaresBody>("GradientNorm.squares");
    static readonly Kernel<LimitArgs> limit = Kernel<LimitArgs>.On<LimitBody>("GradientNorm.limit");

    readonly Tensor sums;

    /// <summary>For this many gradients on a device. Until it is first measured the norm is 0 and the factor 1.</summary>
    internal GradientNorm(int gradients, Device device)
    {
        sums = Tensor.Lasting([Math.Max(gradients, 1)], DType.Float64, device);
        Result = Tensor.Lasting([2], DType.Float64, device);
        Result.Write<double>([0, 1]);
    }

    /// <summary>[norm, factor], double.</summary>
    internal Tensor Result { get; }

    /// <summary>Σx² per slot, double.</summary>
    internal Tensor Squares => sums;

    /// <summary>
    /// Measures Σx² of one tensor into its slot. <see cref="Limit"/> combines the slots.
    /// </summary>
    internal void Square(Tensor x, int slot)
    {
        using Step step = Step.Begin();
        Tensor partial = Tensor.Empty([Math.Max(Workers.Blocks(x.Count), 1)], DType.Float64, x.Device);
        squares.Launch(x.Device, x.DType, new(x, sums.InPlace(), slot, x.Count, partial));
    }

    /// <summary>A slot without a gradient counts nothing.</summary>
    internal void Clear() => sums.Write<double>(new double[sums.Count]);

    /// <summary>factor = min(1, most / (norm + added)); infinity as limit only measures.</summary>
    internal void Limit(double most, double added) => limit.Launch(sums.Device, DType.Float64, new(sums, Result.InPlace(), sums.Count, most, added));

    public void Dispose()
    {
        sums.Free();
        Result.Free();
    }

    struct SquaresBody : ICpuKernel<SquaresArgs>
    {
        public static void Run<T, V>(CpuDevice device, in SquaresArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int blocks = Workers.Blocks(args.Count);
            device.Workers.For(blocks, args, &Block<T>);
            double sum = 0;
            for (int i = 0; i < blocks; i++) sum += args.Partial.As<double>()[i];
            args.To.As<double>()[args.Slot] = sum;
        }

        static void Block<T>(in SquaresArgs args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            (int i, int end) = Workers.Range(block, args.Count);
            T* x = args.X.As<T>();
            double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
            for (; i <= end - 4; i += 4)
            {
                double x0 = double.CreateTruncating(x[i]), x1 = double.CreateTruncating(x[i + 1]), x2 = double.CreateTruncating(x[i + 2]), x3 = double.CreateTruncating(x[i + 3]);
                s0 += x0 * x0;
                s1 += x1 * x1;
                s2 += x2 * x2;
                s3 += x3 * x3;
            }
            for (; i < end; i++) s0 += double.CreateTruncating(x[i]) * double.CreateTruncating(x[i]);
            args.Partial.As<double>()[block] = s0 + s1 + (s2 + s3);
        }
    }

    struct LimitBody : ICpuKernel<LimitArgs>
    {
        public static void Run<T, V>(CpuDevice device, in LimitArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            double sum = 0;
            for (int i = 0; i < args.Count; i++) sum += args.Squares.As<double>()[i];
            double norm = Math.Sqrt(sum), factor = args.Limit / (norm + args.Added);
            double* result = args.Result.As<double>();
            result[0] = norm;
            result[1] = factor < 1 || double.IsNaN(factor) && !double.IsInfinity(args.Limit) ? factor : 1;
        }
    }
}
