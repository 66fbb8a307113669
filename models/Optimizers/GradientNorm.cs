using System.Runtime.Intrinsics;

namespace MiniTorch.Models;

/// <summary>
/// The 2-norm of all gradients together, √Σg², and the factor that keeps it below a limit; both stay in device memory: [norm, factor]. Summed in double
/// over fixed blocks, in order.
/// </summary>
sealed unsafe partial class GradientNorm : IDisposable
{
    readonly record struct Squared(Pointer X, int Count) : IMember;

    readonly record struct SquaresArgs(Members<Squared> Members, Pointer Sums, int Slots, Pointer Partial) : ICost
    {
        public Cost Cost(int size) => new(2.0 * Members.Elements, (double)size * Members.Elements, Members.Count);
    }
    readonly record struct LimitArgs(Pointer Squares, Pointer Result, int Count, double Limit, double Added) : ICost
    {
        public Cost Cost(int size) => new(0, (double)sizeof(double) * Count, Count);
    }

    static readonly Kernel<SquaresArgs> squares = Kernel<SquaresArgs>.OnSingle<SquaresBody, SquaresCuda>("GradientNorm.squares");
    static readonly Kernel<LimitArgs> limit = Kernel<LimitArgs>.OnSingle<LimitBody, LimitCuda>("GradientNorm.limit");

    readonly Tensor sums;
    readonly MemberTable<Squared> table;

    /// <summary>For this many gradients on a device. Until it is first measured the norm is 0 and the factor 1.</summary>
    internal GradientNorm(int gradients, Device device)
    {
        sums = Tensor.Lasting([Math.Max(gradients, 1)], DType.Float64, device);
        table = new(device);
        Result = Tensor.Lasting([2], DType.Float64, device);
        Result.Write<double>([0, 1]);
    }

    /// <summary>[norm, factor], double.</summary>
    internal Tensor Result { get; }

    /// <summary>Σx² per slot, double.</summary>
    internal Tensor Squares => sums;

    /// <summary>Measures Σx² of each tensor, all of one type, into the slots from the first on; the others become 0. <see cref="Limit"/> combines the slots.</summary>
    internal void Square(ReadOnlySpan<Tensor> tensors)
    {
        using Step step = Step.Begin();
        Squared[] all = new Squared[tensors.Length];
        for (int i = 0; i < all.Length; i++) all[i] = new(tensors[i], tensors[i].Count);
        Members<Squared> members = table.Of(all);
        Tensor partial = Tensor.Empty([Math.Max(members.Blocks, 1)], DType.Float64, sums.Device);
        squares.Launch(sums.Device, all.Length == 0 ? DType.Float32 : tensors[0].DType, new(members, sums.InPlace(), sums.Count, partial));
    }

    /// <summary>factor = min(1, most / (norm + added)); infinity as limit only measures. Its numbers are doubles whatever the tensors' type, which a GPU need not compute with.</summary>
    internal void Limit(double most, double added) => limit.Launch(sums.Device, DType.Float32, new(sums, Result.InPlace(), sums.Count, most, added));

    public void Dispose()
    {
        sums.Free();
        table.Dispose();
        Result.Free();
    }

    struct SquaresBody : ICpuKernel<SquaresArgs>
    {
        public static void Run<T, V>(CpuDevice device, in SquaresArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            device.Workers.For(args.Members.Blocks, args, &Block<T>);
            for (int slot = 0; slot < args.Slots; slot++)
            {
                (int block, int end) = slot < args.Members.Count ? args.Members.BlocksOf(slot) : default;
                double sum = 0;
                for (; block < end; block++) sum += args.Partial.As<double>()[block];
                args.Sums.As<double>()[slot] = sum;
            }
        }

        /// <summary>Eight sums for any register width, so that the norm does not depend on it.</summary>
        static void Block<T>(in SquaresArgs args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            ref readonly Squared member = ref args.Members.Find(block, out int i, out int end);
            T* x = member.X.As<T>();
            Vector256<double> low = default, high = default;
            for (; i <= end - Vector256<float>.Count; i += Vector256<float>.Count)
            {
                (Vector256<double> a, Vector256<double> b) = typeof(T) == typeof(float)
                    ? Vector256.Widen(Vector256.Load((float*)(x + i))) : (Vector256.Load((double*)(x + i)), Vector256.Load((double*)(x + i) + Vector256<double>.Count));
                low += a * a;
                high += b * b;
            }
            double sum = Vector256.Sum(low + high);
            for (; i < end; i++) sum += double.CreateTruncating(x[i]) * double.CreateTruncating(x[i]);
            args.Partial.As<double>()[block] = sum;
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
