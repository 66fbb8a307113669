using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>
/// Moves a box of elements between two arrays with any strides: the one kernel behind permute, slice, concatenate and zero padding, and behind their gradients.
/// </summary>
static unsafe partial class StridedCopy
{
    [InlineArray(Shape.MaxRank)] struct Eight { int first; }

    readonly record struct Args(Pointer From, Pointer To, long FromOffset, long ToOffset, Eight Dims, Eight FromStrides, Eight ToStrides, int Rank, int Rows) : ICost
    {
        public Cost Cost(int size) => new(0, 2.0 * size * Rows * Dims[Rank - 1], Rows, Dims[Rank - 1]);
    }

    static readonly Kernel<Args> copy = Kernel<Args>.On<Body, Cuda>("StridedCopy");

    /// <summary>Copies a box of the given sizes; strides and offsets count elements.</summary>
    internal static void Launch(Tensor from, long fromOffset, ReadOnlySpan<int> fromStrides, Tensor to, long toOffset, ReadOnlySpan<int> toStrides, ReadOnlySpan<int> dims)
    {
        Eight d = default, f = default, t = default;
        int rank = 0;
        for (int i = 0; i < dims.Length; i++)
        {
            if (dims[i] == 0) return;
            if (dims[i] == 1) continue;
            if (rank > 0 && f[rank - 1] == fromStrides[i] * dims[i] && t[rank - 1] == toStrides[i] * dims[i])       // contiguous with the one before: merge
                (d[rank - 1], f[rank - 1], t[rank - 1]) = (d[rank - 1] * dims[i], fromStrides[i], toStrides[i]);
            else
            {
                (d[rank], f[rank], t[rank]) = (dims[i], fromStrides[i], toStrides[i]);
                rank++;
            }
        }
        if (rank == 0) (rank, d[0], f[0], t[0]) = (1, 1, 1, 1);
        int rows = 1;
        for (int i = 0; i < rank - 1; i++) rows *= d[i];
        copy.Launch(to.Device, to.DType.Carrier(), new(from, to, fromOffset, toOffset, d, f, t, rank, rows));
    }

    /// <summary>Row-major strides of a shape.</summary>
    internal static void Strides(Shape shape, Span<int> strides)
    {
        int stride = 1;
        for (int i = shape.Rank - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= shape[i];
        }
    }

    struct Body : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(a.Rows, RowsPerBlock(a)), a, &Block<T>);

        static int RowsPerBlock(in Args a) => Math.Max(1, 16384 / a.Dims[a.Rank - 1]);

        static void Block<T>(in Args a, int block) where T : unmanaged
        {
            (int row, int end) = Workers.Range(block, a.Rows, RowsPerBlock(a));
            int outer = a.Rank - 1, n = a.Dims[outer], fs = a.FromStrides[outer], ts = a.ToStrides[outer];
            int* index = stackalloc int[Shape.MaxRank];
            long f = a.FromOffset, t = a.ToOffset;
            for (int d = outer - 1, rest = row; d >= 0; d--)
            {
                index[d] = rest % a.Dims[d];
                rest /= a.Dims[d];
                f += (long)index[d] * a.FromStrides[d];
                t += (long)index[d] * a.ToStrides[d];
            }
            for (; row < end; row++)
            {
                T* from = a.From.As<T>() + f, to = a.To.As<T>() + t;
                if (fs == 1 && ts == 1) Unsafe.CopyBlockUnaligned(to, from, (uint)(n * sizeof(T)));
                else for (int i = 0; i < n; i++) to[(long)i * ts] = from[(long)i * fs];
                for (int d = outer - 1; d >= 0; d--)
                {
                    f += a.FromStrides[d];
                    t += a.ToStrides[d];
                    if (++index[d] < a.Dims[d]) break;
                    f -= (long)a.Dims[d] * a.FromStrides[d];
                    t -= (long)a.Dims[d] * a.ToStrides[d];
                    index[d] = 0;
                }
            }
        }
    }
}
