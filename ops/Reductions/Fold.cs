namespace MiniTorch.Ops;

/// <summary>A way of folding many numbers into one, in any grouping.</summary>
interface IFold
{
    /// <summary>The kernel's name, as profilers and errors show it.</summary>
    static abstract string Name { get; }

    /// <summary>What an empty fold gives.</summary>
    static abstract double Start { get; }

    /// <summary>A number that leaves a fold as it is.</summary>
    static abstract double Neutral { get; }

    /// <summary>A fold with one more number.</summary>
    static abstract R Add<R>(R fold, R x) where R : struct, IReal<R>;

    /// <summary>Two folds as one.</summary>
    static abstract R Merge<R>(R a, R b) where R : struct, IReal<R>;
}

/// <summary>
/// y = scale · fold of x over a set of dimensions. Rows are read in registers: along the row where it is folded, in columns where it is kept. Long folds are cut
/// into fixed blocks, whose results are merged in order.
/// </summary>
static unsafe partial class Fold<F> where F : struct, IFold
{
    const int BlockSize = 16384;        // elements an item reads where rows are folded
    const int ColumnsBlockSize = 65536; // and where they are kept, so that few rows of partial results are written
    const int LongestBlock = 256;       // rows of a block: bounds the rounding error of its one accumulator
    const int Span = 2048;              // columns of an item where rows are kept

    /// <summary>Blocks: how many a fold is cut into; Group: outputs (rows of outputs where rows are kept) that an item makes; BlockRows: rows of a block.</summary>
    readonly record struct Args(Pointer X, Pointer Y, Axes Axes, int Outputs, int Rows, int BlockRows, int Blocks, int Group, double Scale) : ICost
    {
        public Cost Cost(int size)
        {
            double folded = (double)Rows * (Axes.RowReduced ? Axes.Row : 1), made = (double)Outputs * (Axes.RowReduced ? 1 : Axes.Row);
            return new(0, size * (folded * made + made), (int)folded, (int)made);
        }

        internal readonly Axes Axes = Axes;     // a field: items refer to it instead of copying it

        /// <summary>Where the results of blocks go; 0 if every fold is one block.</summary>
        internal nint Parts { get; init; }
    }

    readonly record struct MergeArgs(nint Parts, Pointer Y, int Outputs, int Row, int Blocks, double Scale);

    static readonly Kernel<Args> kernel = Kernel<Args>.On<Body, Cuda>(F.Name);

    /// <summary>A fresh tensor of the given shape, which must have as many elements as the dimensions of x that are not in the mask.</summary>
    internal static Tensor Run(Tensor x, int mask, Shape shape, double scale = 1)
    {
        Tensor y = Tensor.Like(x, shape);
        if (y.Count == 0) return y;
        if (x.Count == 0)
        {
            y.Fill(F.Start * scale);
            return y;
        }
        kernel.Launch(x.Device, x.DType, Plan(x, y, x.Shape, mask, scale));
        return y;
    }

    /// <summary>y [columns] = the fold of each column of x [rows, columns], inside another kernel; there are rows and columns.</summary>
    internal static void Columns<T, V>(CpuDevice device, Pointer x, int rows, int columns, Pointer y) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        => Body.Run<T, V>(device, Plan(x, y, [rows, columns], 1, 1));

    /// <summary>The same on a GPU.</summary>
    internal static void Columns<T>(CudaDevice device, Pointer x, int rows, int columns, Pointer y) where T : unmanaged => Cuda.Run<T>(device, Plan(x, y, [rows, columns], 1, 1));

    static Args Plan(Pointer x, Pointer y, in Shape shape, int mask, double scale)
    {
        Axes axes = new(shape, mask);
        int outputs = axes.Kept.Product(0, axes.Kept.Rank), rows = axes.Reduced.Product(0, axes.Reduced.Rank);
        int span = Math.Min(axes.Row, axes.RowReduced ? BlockSize : Span);
        int blockRows = Math.Clamp((axes.RowReduced ? BlockSize : ColumnsBlockSize) / span, 1, LongestBlock);
        int blocks = Workers.Blocks(rows, blockRows) * (axes.RowReduced ? Workers.Blocks(axes.Row, BlockSize) : 1);
        int group = blocks > 1 ? 1 : Math.Max(1, BlockSize / (rows * span));
        return new(x, y, axes, outputs, rows, blockRows, blocks, group, scale);
    }

    struct Body : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int spans = args.Axes.RowReduced ? 1 : Workers.Blocks(args.Axes.Row, Span);
            delegate*<in Args, int, void> body = args.Axes.RowReduced ? (delegate*<in Args, int, void>)&FoldRows<T, V> : &FoldColumns<T, V>;
            if (args.Blocks == 1)
            {
                device.Workers.For(Workers.Blocks(args.Outputs, args.Group) * spans, args, body);
                return;
            }
            int row = args.Axes.RowReduced ? 1 : args.Axes.Row;
            using Scratch scratch = device.Scratch((long)args.Outputs * args.Blocks * row * sizeof(T));
            Args parts = args with { Parts = (nint)scratch.As<T>(), Scale = 1 };
            device.Workers.For(args.Outputs * args.Blocks * spans, parts, body);
            MergeArgs merge = new(parts.Parts, args.Y, args.Outputs, row, args.Blocks, args.Scale);
            if (row == 1) device.Workers.For(args.Outputs, merge, &MergeOne<T, V>);
            else device.Workers.For(args.Outputs * Workers.Blocks(row, Span), merge, &MergeRow<T, V>);
        }

        /// <summary>An item is a group of outputs, or one block of one output.</summary>
        static void FoldRows<T, V>(in Args args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            ref readonly Axes axes = ref args.Axes;
            int pieces = Workers.Blocks(axes.Row, BlockSize);
            (int o, int end) = Workers.Range(item / args.Blocks, args.Outputs, args.Group);
            int block = item % args.Blocks;
            (int first, int last) = Workers.Range(block / pieces, args.Rows, args.BlockRows);
            (int from, int to) = Workers.Range(block % pieces, axes.Row, BlockSize);
            T* y = args.Parts == 0 ? args.Y.As<T>() : (T*)args.Parts;
            T start = T.CreateChecked(F.Start), neutral = T.CreateChecked(F.Neutral);
            if (axes.Row < V.Count && args.Rows == 1 && axes.Kept.Rank == 1 && args.Parts == 0)
                for (; o <= end - V.Count; o += V.Count) ShortRows<T, V>(args.X.As<T>() + (long)o * axes.Row, axes.Row, V.Of(args.Scale), y + o);
            for (; o < end; o++)
            {
                T* x = args.X.As<T>() + Axes.Offset(o, axes.Kept, axes.KeptSteps);
                V a = V.All(start), b = a, c = a, d = a;
                for (int r = first; r < last; r++)
                {
                    T* row = x + Axes.Offset(r, axes.Reduced, axes.ReducedSteps);
                    int i = from;
                    for (; i <= to - 4 * V.Count; i += 4 * V.Count)
                    {
                        a = F.Add(a, V.Load(row + i));
                        b = F.Add(b, V.Load(row + i + V.Count));
                        c = F.Add(c, V.Load(row + i + 2 * V.Count));
                        d = F.Add(d, V.Load(row + i + 3 * V.Count));
                    }
                    for (; i <= to - V.Count; i += V.Count) a = F.Add(a, V.Load(row + i));
                    if (i < to) b = F.Add(b, Lanes.LoadPartial<V, T>(row + i, to - i, neutral));
                }
                y[args.Parts == 0 ? o : item] = Across<T, V>(F.Merge(F.Merge(a, b), F.Merge(c, d))) * T.CreateChecked(args.Scale);
            }
        }

        /// <summary>Folds as many neighbouring rows as a register has lanes, each shorter than a register: one row a lane.</summary>
        static void ShortRows<T, V>(T* x, int row, V scale, T* y) where T : unmanaged where V : struct, ILanes<V, T>
        {
            T* turned = stackalloc T[V.Count];
            V a = V.Of(F.Start);
            for (int j = 0; j < row; j++)
            {
                for (int lane = 0; lane < V.Count; lane++) turned[lane] = x[lane * row + j];
                a = F.Add(a, V.Load(turned));
            }
            (a * scale).Store(y);
        }

        /// <summary>Folds the columns of neighbouring rows, each shorter than a register: whole registers of several rows first, whose lanes are then merged.</summary>
        static void ShortColumns<T, V>(T* x, int rows, int row, V scale, T* y) where T : unmanaged where V : struct, ILanes<V, T>
        {
            int period = row * V.Count, n = rows * row, i = 0;      // after so many elements a register begins with the first column again
            T* parts = stackalloc T[period];
            for (int k = 0; k < period; k += V.Count) V.Of(F.Start).Store(parts + k);
            for (; i <= n - period; i += period)
                for (int k = 0; k < period; k += V.Count) F.Add(V.Load(parts + k), V.Load(x + i + k)).Store(parts + k);
            V a = Lanes.LoadPartial<V, T>(parts, row);
            for (int k = row; k < period; k += row) a = F.Merge(a, Lanes.LoadPartial<V, T>(parts + k, row));
            for (; i < n; i += row) a = F.Add(a, Lanes.LoadPartial<V, T>(x + i, row));
            Lanes.StorePartial(a * scale, y, row);
        }

        /// <summary>An item is a span of columns of a group of outputs, or of one block of one output.</summary>
        static void FoldColumns<T, V>(in Args args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            ref readonly Axes axes = ref args.Axes;
            int spans = Workers.Blocks(axes.Row, Span), part = item / spans;
            (int from, int to) = Workers.Range(item % spans, axes.Row, Span);
            (int o, int end) = Workers.Range(part / args.Blocks, args.Outputs, args.Group);
            (int first, int last) = Workers.Range(part % args.Blocks, args.Rows, args.BlockRows);
            V start = V.Of(F.Start), scale = V.Of(args.Scale);
            long* rows = stackalloc long[LongestBlock];     // where each row lies: worked out once, and no call in the loops below
            int count = last - first;
            bool neighbours = axes.Row < V.Count && axes.Reduced.Rank == 1 && axes.ReducedSteps[0] == axes.Row;
            for (int r = 0; r < (neighbours ? 1 : count); r++) rows[r] = Axes.Offset(first + r, axes.Reduced, axes.ReducedSteps);
            for (; o < end; o++)
            {
                T* x = args.X.As<T>() + Axes.Offset(o, axes.Kept, axes.KeptSteps);
                T* y = (args.Parts == 0 ? args.Y.As<T>() : (T*)args.Parts) + (long)(args.Parts == 0 ? o : part) * axes.Row;
                if (neighbours)
                {
                    ShortColumns(x + rows[0], count, axes.Row, scale, y);
                    continue;
                }
                int i = from;
                for (; i <= to - 4 * V.Count; i += 4 * V.Count)
                {
                    V a = start, b = start, c = start, d = start;
                    for (int r = 0; r < count; r++)
                    {
                        T* row = x + rows[r] + i;
                        a = F.Add(a, V.Load(row));
                        b = F.Add(b, V.Load(row + V.Count));
                        c = F.Add(c, V.Load(row + 2 * V.Count));
                        d = F.Add(d, V.Load(row + 3 * V.Count));
                    }
                    (a * scale).Store(y + i);
                    (b * scale).Store(y + i + V.Count);
                    (c * scale).Store(y + i + 2 * V.Count);
                    (d * scale).Store(y + i + 3 * V.Count);
                }
                for (; i <= to - V.Count; i += V.Count)
                {
                    V a = start, b = start, c = start, d = start;
                    int r = 0;
                    for (; r <= count - 4; r += 4)
                    {
                        a = F.Add(a, V.Load(x + rows[r] + i));
                        b = F.Add(b, V.Load(x + rows[r + 1] + i));
                        c = F.Add(c, V.Load(x + rows[r + 2] + i));
                        d = F.Add(d, V.Load(x + rows[r + 3] + i));
                    }
                    for (; r < count; r++) a = F.Add(a, V.Load(x + rows[r] + i));
                    (F.Merge(F.Merge(a, b), F.Merge(c, d)) * scale).Store(y + i);
                }
                if (i >= to) continue;
                V tail = start;
                for (int r = 0; r < count; r++) tail = F.Add(tail, Lanes.LoadPartial<V, T>(x + rows[r] + i, to - i));
                Lanes.StorePartial(tail * scale, y + i, to - i);
            }
        }

        /// <summary>Merges the blocks of one number.</summary>
        static void MergeOne<T, V>(in MergeArgs args, int o) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            T* parts = (T*)args.Parts + (long)o * args.Blocks;
            T start = T.CreateChecked(F.Start);
            V a = V.All(start);
            int i = 0;
            for (; i <= args.Blocks - V.Count; i += V.Count) a = F.Merge(a, V.Load(parts + i));
            if (i < args.Blocks) a = F.Merge(a, Lanes.LoadPartial<V, T>(parts + i, args.Blocks - i, start));
            args.Y.As<T>()[o] = Across<T, V>(a) * T.CreateChecked(args.Scale);
        }

        /// <summary>Merges the blocks of a span of columns; in two levels, which keeps the rounding error of many blocks small.</summary>
        static void MergeRow<T, V>(in MergeArgs args, int item) where T : unmanaged where V : struct, ILanes<V, T>
        {
            int spans = Workers.Blocks(args.Row, Span), o = item / spans;
            (int i, int to) = Workers.Range(item % spans, args.Row, Span);
            T* parts = (T*)args.Parts + (long)o * args.Blocks * args.Row, y = args.Y.As<T>() + (long)o * args.Row;
            for (; i < to; i += V.Count)
            {
                int n = Math.Min(V.Count, to - i);
                V start = V.Of(F.Start), all = start, some = start;
                for (int b = 0; b < args.Blocks; b++)
                {
                    T* from = parts + (long)b * args.Row + i;
                    some = F.Merge(some, n == V.Count ? V.Load(from) : Lanes.LoadPartial<V, T>(from, n));
                    if (b % 64 == 63) (all, some) = (F.Merge(all, some), start);
                }
                V a = F.Merge(all, some) * V.Of(args.Scale);
                if (n == V.Count) a.Store(y + i);
                else Lanes.StorePartial(a, y + i, n);
            }
        }

        /// <summary>All lanes merged, by halves.</summary>
        static T Across<T, V>(V a) where T : unmanaged where V : struct, ILanes<V, T>
        {
            T* lanes = stackalloc T[2 * V.Count];
            a.Store(lanes + V.Count);
            a.Store(lanes);
            for (int half = V.Count / 2; half > 0; half /= 2) F.Merge(V.Load(lanes), V.Load(lanes + half)).Store(lanes);
            return lanes[0];
        }
    }
}
