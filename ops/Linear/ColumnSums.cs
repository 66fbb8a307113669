using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>s[j] = Σᵢ x[i, j] over all leading dimensions: the gradient of a bias. Blocks of rows are summed apart and combined in order.</summary>
static unsafe class ColumnSums
{
    const int BlockRows = 512;
    const int Tile = 1024;                      // columns

    readonly record struct Args(Pointer X, Pointer Sums, Pointer Partial, int Rows, int Columns) : ICost
    {
        public Cost Cost(int size) => new(0, size * ((double)Rows * Columns + Columns), Rows, Columns);
    }

    static readonly Kernel<Args> sums = Kernel<Args>.On<Body>("ColumnSums");

    internal static Tensor Of(Tensor x)
    {
        int columns = x.Shape[^1];
        Tensor s = Tensor.Like(x, [columns]);
        if (columns > 0) sums.Launch(x.Device, x.DType, new(x, s, default, x.Count / columns, columns));
        return s;
    }

    struct Body : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int blocks = Workers.Blocks(args.Rows, BlockRows), tiles = Workers.Blocks(args.Columns, Tile);
            if (blocks <= 1)
            {
                device.Workers.For(tiles, args with { Partial = args.Sums }, &Block<T, V>);
                return;
            }
            using Scratch scratch = device.Scratch((long)blocks * args.Columns * sizeof(T));
            Args first = args with { Partial = Pointer.At(scratch.As<T>()) };
            device.Workers.For(blocks * tiles, first, &Block<T, V>);
            device.Workers.For(tiles, new Args(first.Partial, args.Sums, args.Sums, blocks, args.Columns), &Block<T, V>);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        static void Block<T, V>(in Args args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int tiles = Workers.Blocks(args.Columns, Tile), block = item / tiles, columns = args.Columns;
            (int begin, int end) = Workers.Range(item % tiles, columns, Tile);
            (int r0, int r1) = args.Partial.Address == args.Sums.Address ? (0, args.Rows) : Workers.Range(block, args.Rows, BlockRows);
            T* x = args.X.As<T>(), sum = args.Partial.As<T>() + (long)block * columns;
            int j = begin;
            for (; j <= end - V.Count; j += V.Count)
            {
                V s = V.Of(0);
                for (int r = r0; r < r1; r++) s += V.Load(x + (long)r * columns + j);
                s.Store(sum + j);
            }
            for (; j < end; j++)
            {
                T s = T.Zero;
                for (int r = r0; r < r1; r++) s += x[(long)r * columns + j];
                sum[j] = s;
            }
        }
    }
}
