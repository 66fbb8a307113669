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
                if (args.Logarithm) Less<V, T>(x, y, n, m, V.All(T.Log(sum.Sum())));
                else Scale<V, T>(y, n, V.All(T.One / sum.Sum()));
            }
        }

        /// <summary>y = (x − m) − log, in this order: what is large goes first, so that large x cost no digits.</summary>
        static void Less<V, T>(T* x, T* y, int n, V m, V log) where T : unmanaged where V : struct, ILanes<V, T>
        {
            int i = 0;
            for (; i <= n - V.Count; i += V.Count) (V.Load(x + i) - m - log).Store(y + i);
            if (i < n) Lanes.StorePartial(Lanes.LoadPartial<V, T>(x + i, n - i) - m - log, y + i, n - i);
        }

        static void Scale<V, T>(T* y, int n, V factor) where T : unmanaged where V : struct, ILanes<V, T>
        {
            int i = 0;
            for (; i <= n - V.Count; i += V.Count) (V.Load(y + i) * factor).Store(y + i);
            if (i < n) Lanes.StorePartial(Lanes.LoadPartial<V, T>(y + i, n - i) * factor, y + i, n - i);
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
                for (int k = 0; k < args.N; k++) m = V.Max(m, Lanes.Read<V, T>(x + (long)k * args.Inner, lanes));
                for (int k = 0; k < args.N; k++)
                {
                    V e = V.Exp(Lanes.Read<V, T>(x + (long)k * args.Inner, lanes) - m);
                    sum += e;
                    if (!args.Logarithm) Lanes.Write(e, y + (long)k * args.Inner, lanes);
                }
                V last = args.Logarithm ? V.Log(sum) : V.Of(1) / sum;
                for (int k = 0; k < args.N; k++)
                {
                    long at = (long)k * args.Inner;
                    Lanes.Write(args.Logarithm ? Lanes.Read<V, T>(x + at, lanes) - m - last : Lanes.Read<V, T>(y + at, lanes) * last, y + at, lanes);
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
                    sum += Part<V, T>(Lanes.Read<V, T>(dy + at, lanes), Lanes.Read<V, T>(y + at, lanes), args.Logarithm);
                }
                for (int k = 0; k < args.N; k++)
                {
                    long at = (long)k * args.Inner;
                    Lanes.Write(Slope<V, T>(Lanes.Read<V, T>(dy + at, lanes), Lanes.Read<V, T>(y + at, lanes), sum, args.Logarithm), dx + at, lanes);
                }
            }
        }

        static V Part<V, T>(V dy, V y, bool logarithm) where T : unmanaged where V : struct, ILanes<V, T> => logarithm ? dy : y * dy;

        static V Slope<V, T>(V dy, V y, V total, bool logarithm) where T : unmanaged where V : struct, ILanes<V, T>
            => logarithm ? dy - V.Exp(y) * total : y * (dy - total);
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
