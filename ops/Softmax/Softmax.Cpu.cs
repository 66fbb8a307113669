namespace MiniTorch.Ops;

public sealed unsafe partial class Softmax
{
    const int BlockSize = 16384;        // elements of an item where rows are contiguous
    const int Span = 64;                // columns of an item where they are not

    /// <summary>Runs over contiguous rows, or over columns a register at a time.</summary>
    static void Share(CpuDevice device, in Args args, delegate*<in Args, int, void> rows, delegate*<in Args, int, void> columns)
    {
        if (args.Inner == 1) device.Workers.For(Workers.Blocks(args.Outer, RowsOf(args)), args, rows);
        else device.Workers.For(args.Outer * Workers.Blocks(args.Inner, Span), args, columns);
    }

    static int RowsOf(in Args args) => Math.Max(1, BlockSize / args.N);

    struct ForwardBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => Share(device, args, &Rows<T, V>, &Columns<T, V>);

        static void Rows<T, V>(in Args args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int r, int end) = Workers.Range(item, args.Outer, RowsOf(args));
            int n = args.N;
            for (; r < end; r++)
            {
                T* x = args.X.As<T>() + (long)r * n, y = args.Y.As<T>() + (long)r * n;
                T largest = Rows<T>.Largest<V>(x, n);
                V m = V.All(largest), sum = V.Of(0);
                int i = 0;
                for (; i <= n - V.Count; i += V.Count)
                {
                    V e = V.Exp(V.Load(x + i) - m);
                    sum += e;
                    if (!args.Logarithm) e.Store(y + i);
                }
                if (i < n)
                {
                    V e = V.Exp(Lanes.LoadPartial<V, T>(x + i, n - i, T.NegativeInfinity) - m);
                    sum += e;
                    if (!args.Logarithm) Lanes.StorePartial(e, y + i, n - i);
                }
                if (args.Logarithm) Line<V, T>(x, y, n, V.Of(1), V.All(-largest - T.Log(sum.Sum())));
                else Line<V, T>(y, y, n, V.All(T.One / sum.Sum()), V.Of(0));
            }
        }

        /// <summary>y = scale · x + shift.</summary>
        static void Line<V, T>(T* x, T* y, int n, V scale, V shift) where T : unmanaged where V : struct, ILanes<V, T>
        {
            int i = 0;
            for (; i <= n - V.Count; i += V.Count) V.MultiplyAdd(V.Load(x + i), scale, shift).Store(y + i);
            if (i < n) Lanes.StorePartial(V.MultiplyAdd(Lanes.LoadPartial<V, T>(x + i, n - i), scale, shift), y + i, n - i);
        }

        static void Columns<T, V>(in Args args, int item) where T : unmanaged where V : struct, ILanes<V, T>
        {
            int spans = Workers.Blocks(args.Inner, Span);
            (int j, int to) = Workers.Range(item % spans, args.Inner, Span);
            long start = (long)(item / spans) * args.N * args.Inner;
            for (; j < to; j += V.Count)
            {
                int lanes = Math.Min(V.Count, to - j);
                T* x = args.X.As<T>() + start + j, y = args.Y.As<T>() + start + j;
                V m = V.Of(double.NegativeInfinity), sum = V.Of(0);
                for (int k = 0; k < args.N; k++) m = V.Max(m, Read<V, T>(x + (long)k * args.Inner, lanes));
                for (int k = 0; k < args.N; k++) sum += V.Exp(Read<V, T>(x + (long)k * args.Inner, lanes) - m);
                V last = args.Logarithm ? m + V.Log(sum) : V.Of(1) / sum;
                for (int k = 0; k < args.N; k++)
                {
                    V value = Read<V, T>(x + (long)k * args.Inner, lanes);
                    Write(args.Logarithm ? value - last : V.Exp(value - m) * last, y + (long)k * args.Inner, lanes);
                }
            }
        }
    }

    struct BackwardBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => Share(device, args, &Rows<T, V>, &Columns<T, V>);

        static void Rows<T, V>(in Args args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int r, int end) = Workers.Range(item, args.Outer, RowsOf(args));
            int n = args.N;
            for (; r < end; r++)
            {
                T* dy = args.X.As<T>() + (long)r * n, dx = args.Y.As<T>() + (long)r * n, y = args.Saved.As<T>() + (long)r * n;
                V sum = V.Of(0);
                int i = 0;
                for (; i <= n - V.Count; i += V.Count) sum += Part<V, T>(V.Load(dy + i), V.Load(y + i), args.Logarithm);
                if (i < n) sum += Part<V, T>(Lanes.LoadPartial<V, T>(dy + i, n - i), Lanes.LoadPartial<V, T>(y + i, n - i), args.Logarithm);
                V total = V.All(sum.Sum());
                for (i = 0; i <= n - V.Count; i += V.Count) Slope<V, T>(V.Load(dy + i), V.Load(y + i), total, args.Logarithm).Store(dx + i);
                if (i >= n) continue;
                V tail = Slope<V, T>(Lanes.LoadPartial<V, T>(dy + i, n - i), Lanes.LoadPartial<V, T>(y + i, n - i), total, args.Logarithm);
                Lanes.StorePartial(tail, dx + i, n - i);
            }
        }

        static void Columns<T, V>(in Args args, int item) where T : unmanaged where V : struct, ILanes<V, T>
        {
            int spans = Workers.Blocks(args.Inner, Span);
            (int j, int to) = Workers.Range(item % spans, args.Inner, Span);
            for (; j < to; j += V.Count)
            {
                int lanes = Math.Min(V.Count, to - j);
                long start = (long)(item / spans) * args.N * args.Inner + j;
                T* dy = args.X.As<T>() + start, dx = args.Y.As<T>() + start, y = args.Saved.As<T>() + start;
                V sum = V.Of(0);
                for (int k = 0; k < args.N; k++)
                {
                    long at = (long)k * args.Inner;
                    sum += Part<V, T>(Read<V, T>(dy + at, lanes), Read<V, T>(y + at, lanes), args.Logarithm);
                }
                for (int k = 0; k < args.N; k++)
                {
                    long at = (long)k * args.Inner;
                    Write(Slope<V, T>(Read<V, T>(dy + at, lanes), Read<V, T>(y + at, lanes), sum, args.Logarithm), dx + at, lanes);
                }
            }
        }

        static V Part<V, T>(V dy, V y, bool logarithm) where T : unmanaged where V : struct, ILanes<V, T> => logarithm ? dy : y * dy;

        static V Slope<V, T>(V dy, V y, V total, bool logarithm) where T : unmanaged where V : struct, ILanes<V, T>
            => logarithm ? dy - V.Exp(y) * total : y * (dy - total);
    }

    static V Read<V, T>(T* from, int lanes) where T : unmanaged where V : struct, ILanes<V, T>
        => lanes == V.Count ? V.Load(from) : Lanes.LoadPartial<V, T>(from, lanes);

    static void Write<V, T>(V value, T* to, int lanes) where T : unmanaged where V : struct, ILanes<V, T>
    {
        if (lanes == V.Count) value.Store(to);
        else Lanes.StorePartial(value, to, lanes);
    }
}

/// <summary>What softmax and cross-entropy both need of a row of numbers.</summary>
static unsafe class Rows<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>The largest of n elements; NaN if there is one, −∞ if there are none.</summary>
    internal static T Largest<V>(T* x, int n) where V : struct, ILanes<V, T>
    {
        V m = V.All(T.NegativeInfinity);
        int i = 0;
        for (; i <= n - V.Count; i += V.Count) m = V.Max(m, V.Load(x + i));
        if (i < n) m = V.Max(m, Lanes.LoadPartial<V, T>(x + i, n - i, T.NegativeInfinity));
        T* lanes = stackalloc T[V.Count];
        m.Store(lanes);
        T largest = lanes[0];
        for (i = 1; i < V.Count; i++) largest = T.Max(largest, lanes[i]);
        return largest;
    }
}
