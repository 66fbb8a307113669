using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace MiniTorch;

/// <summary>
/// C[m, n] = Σₖ op(A)[m, k] · op(B)[k, n] (+ bias[n]) (+ C), row-major, for each matrix of a batch. A transposed operand is stored as [k, m] or [n, k].
/// Either bias or Accumulate, not both.
/// </summary>
readonly record struct GemmArgs(Pointer A, Pointer B, Pointer C, int M, int N, int K, bool TransposeA = false, bool TransposeB = false) : ICost
{
    /// <summary>M·N·K multiply-adds for each matrix of the batch; an operand that all share is read once.</summary>
    public Cost Cost(int size)
    {
        double a = (double)M * K * (BatchA == 0 ? 1 : Batch), b = (double)K * N * (BatchB == 0 ? 1 : Batch), c = (double)M * N * Batch * (Accumulate ? 2 : 1);
        return new(2.0 * M * N * K * Batch, size * (a + b + c), Batch == 1 ? [M, K, N] : [Batch, M, K, N]);
    }

    /// <summary>Elements between stored rows of A.</summary>
    public int LeadingA { get; init; } = TransposeA ? M : K;

    /// <summary>Elements between stored rows of B.</summary>
    public int LeadingB { get; init; } = TransposeB ? K : N;

    /// <summary>Elements between rows of C.</summary>
    public int LeadingC { get; init; } = N;

    /// <summary>Optional [n], added to each row.</summary>
    public Pointer Bias { get; init; }

    /// <summary>Adds to what C holds.</summary>
    public bool Accumulate { get; init; }

    /// <summary>Number of products.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Elements from one A of the batch to the next; 0 uses the same for all.</summary>
    public long BatchA { get; init; }

    /// <summary>Elements from one B of the batch to the next; 0 uses the same for all.</summary>
    public long BatchB { get; init; }

    /// <summary>Elements from one C of the batch to the next; never 0 in a batch of several.</summary>
    public long BatchC { get; init; }
}

/// <summary>
/// Matrix products. An item is a block of C: B in panels of two registers width, packed to stay in L1 for a depth of K; rows of A are read in place from L2, or
/// packed if transposed. K is summed in order by one thread; only a small C with a large K (the gradient of a weight) is summed in fixed slices, which are then
/// added in order. So the result does not depend on the number of threads.
/// </summary>
static unsafe class Gemm
{
    const int BlockRows = 96;                   // of A: with the depth below they take a quarter of a 512 KiB L2
    const int PanelBytes = 24 * 1024;           // of B: three quarters of a 32 KiB L1
    const int PackedRows = 32;                  // of B by one item: few pages at a time
    const int FewestItems = 16;
    const long SmallestItem = 1 << 16;          // multiplications; below, waking a thread costs more than it gives
    const int PackedPanels = 4;                 // by an item at a time: whole runs of a row of B are read
    const int SliceDepth = 1024;                // least of K in a slice
    const long LargestPartial = 1 << 20;        // elements of all slices together
    const long LargestPacked = 16 << 20;        // bytes; a larger B is packed by each item as it goes

    readonly record struct Plan(GemmArgs Args, Pointer Packed, int Rows, int Columns, int Depth, int RowBlocks, int ColumnBlocks)
    {
        internal int Slices { get; init; } = 1;
        internal Pointer Partial { get; init; }
        internal int Blocks => RowBlocks * ColumnBlocks;
    }

    /// <summary>The product as a launch of its own.</summary>
    internal static readonly Kernel<GemmArgs> Product = Kernel<GemmArgs>.On<Body>("Gemm");

    /// <summary>What an op launches under a name of its own.</summary>
    internal struct Body : ICpuKernel<GemmArgs>
    {
        public static void Run<T, V>(CpuDevice device, in GemmArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => Gemm.Run<T, V>(device, args);
    }

    /// <summary>The product inside another kernel, before, between or after its parallel loops; inside an item use <see cref="Serial{T, V}"/>.</summary>
    internal static void Run<T, V>(CpuDevice device, in GemmArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        Debug.Assert(args.Bias.IsNull || !args.Accumulate);
        if (args.M == 0 || args.N == 0 || args.Batch == 0) return;
        if (args.M == 1 || args.N == 1)
        {
            Gemv.Run<T, V>(device, args);
            return;
        }
        Plan plan = Make<T, V>(args);
        if (plan.Slices > 1)
        {
            using Scratch partial = device.Scratch((long)plan.Slices * args.Batch * args.M * args.N * sizeof(T));
            plan = plan with { Partial = Pointer.At(partial.As<T>()) };
            device.Workers.For(plan.Slices * args.Batch * plan.Blocks, plan, &Item<T, V>);
            device.Workers.For(args.Batch * args.M, plan, &AddSlices<T, V>);
            return;
        }
        int panels = Panels<V, T>(args.N), packs = args.BatchB == 0 ? 1 : args.Batch;
        long bytes = (long)packs * panels * args.K * PanelWidth<V, T>() * sizeof(T);
        bool ahead = (plan.RowBlocks > 1 || args.Batch > packs) && bytes is > 0 and <= LargestPacked;
        if (!ahead)
        {
            device.Workers.For(args.Batch * plan.Blocks, plan, &Item<T, V>);
            return;
        }
        using Scratch scratch = device.Scratch(bytes);
        plan = plan with { Packed = Pointer.At(scratch.As<T>()) };
        device.Workers.For(packs * Workers.Blocks(args.K, PackedRows), plan, &PackRows<T, V>);
        device.Workers.For(args.Batch * plan.Blocks, plan, &Item<T, V>);
    }

    /// <summary>The product on the calling thread alone, inside an item of another kernel, with <see cref="Work{T, V}"/> elements of scratch.</summary>
    internal static void Serial<T, V>(in GemmArgs args, T* work) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        if (args.M == 0 || args.N == 0) return;
        int rows = args.TransposeA ? BlockRows : 2 * BlockRows;             // rows read in place need no scratch, and more of them share a packed panel
        Plan plan = new(args, default, rows, PanelWidth<V, T>() * Panels<V, T>(args.N), Depth<V, T>(), Workers.Blocks(args.M, rows), 1);
        for (int item = 0; item < args.Batch * plan.RowBlocks; item++) Block<T, V>(plan, item, work);
    }

    /// <summary>Elements of scratch that a product on one thread needs.</summary>
    internal static int Work<T, V>() where T : unmanaged where V : struct, ILanes<V, T> => Depth<V, T>() * (PackedPanels * PanelWidth<V, T>() + BlockRows);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static int PanelWidth<V, T>() where V : struct, ILanes<V, T> where T : unmanaged => 2 * V.Count;

    static int Panels<V, T>(int n) where V : struct, ILanes<V, T> where T : unmanaged => (n + PanelWidth<V, T>() - 1) / PanelWidth<V, T>();

    static int Depth<V, T>() where V : struct, ILanes<V, T> where T : unmanaged => PanelBytes / (PanelWidth<V, T>() * sizeof(T));

    static Plan Make<T, V>(in GemmArgs args) where T : unmanaged where V : struct, ILanes<V, T>
    {
        int width = PanelWidth<V, T>(), panels = Panels<V, T>(args.N), blocks = Workers.Blocks(args.M, BlockRows);
        int rows = ((args.M + blocks - 1) / blocks + GemmTile.Rows - 1) / GemmTile.Rows * GemmTile.Rows;
        int rowBlocks = Workers.Blocks(args.M, rows);
        int slices = (int)Math.Min(Math.Min(FewestItems, args.K / SliceDepth), LargestPartial / ((long)args.Batch * args.M * args.N));
        if (slices > 1) return new(args, default, rows, panels * width, Depth<V, T>(), rowBlocks, 1) { Slices = slices };
        long wanted = Math.Min(FewestItems, (long)args.Batch * args.M * args.N * Math.Max(1, args.K) / SmallestItem);
        int fewestPanels = args.TransposeA ? Math.Min(panels, 4) : 1;       // packing A is shared by the panels of the item
        int parts = (int)Math.Clamp((wanted + (long)args.Batch * rowBlocks - 1) / ((long)args.Batch * rowBlocks), 1, panels / fewestPanels);
        int columns = (panels + parts - 1) / parts * width;
        return new(args, default, rows, columns, Depth<V, T>(), rowBlocks, Workers.Blocks(args.N, columns));
    }

    static void PackRows<T, V>(in Plan plan, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        GemmArgs args = plan.Args;
        int width = PanelWidth<V, T>(), panels = Panels<V, T>(args.N), blocks = Workers.Blocks(args.K, PackedRows), pack = item / blocks;
        (int k, int end) = Workers.Range(item % blocks, args.K, PackedRows);
        T* b = args.B.As<T>() + pack * args.BatchB;
        for (int p = 0; p < panels; p++)
        {
            T* to = plan.Packed.As<T>() + ((long)(pack * panels + p) * args.K + k) * width;
            GemmPack.Columns<T, V>(b, args.LeadingB, args.TransposeB, k, p * width, end - k, Math.Min(width, args.N - p * width), to);
        }
    }

    static void Item<T, V>(in Plan plan, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        => Block<T, V>(plan, item, Workers.Local<T>(Work<T, V>()));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Block<T, V>(in Plan plan, int item, T* work) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        GemmArgs args = plan.Args;
        int width = PanelWidth<V, T>(), panels = Panels<V, T>(args.N), block = item % plan.Blocks, batch = item / plan.Blocks % args.Batch, slice = item / plan.Blocks / args.Batch;
        int m0 = block % plan.RowBlocks * plan.Rows, m1 = Math.Min(args.M, m0 + plan.Rows);
        int n0 = block / plan.RowBlocks * plan.Columns, n1 = Math.Min(args.N, n0 + plan.Columns);
        int first = (int)((long)slice * args.K / plan.Slices), last = (int)((slice + 1L) * args.K / plan.Slices);
        T* a = args.A.As<T>() + batch * args.BatchA, b = args.B.As<T>() + batch * args.BatchB, c = args.C.As<T>() + batch * args.BatchC;
        if (plan.Slices > 1)
        {
            c = plan.Partial.As<T>() + ((long)slice * args.Batch + batch) * args.M * args.N;
            args = args with { Accumulate = false, Bias = default, LeadingC = args.N };
        }
        T* packed = plan.Packed.IsNull ? null : plan.Packed.As<T>() + (args.BatchB == 0 ? 0 : (long)batch * panels * args.K * width);
        T* rows = work + PackedPanels * plan.Depth * width, zeros = stackalloc T[width];
        for (int j = 0; j < width; j++) zeros[j] = T.Zero;

        int k = first;
        do
        {
            int depth = Math.Min(plan.Depth, last - k);
            if (args.TransposeA) GemmPack.Rows(a + (long)k * args.LeadingA + m0, args.LeadingA, m1 - m0, depth, rows);
            for (int n = n0; n < n1; n += width)
            {
                int wide = Math.Min(width, n1 - n), turn = (n - n0) / width % PackedPanels;
                T* panel = work + turn * depth * width;
                if (packed != null) panel = packed + ((long)(n / width) * args.K + k) * width;
                else if (turn == 0) PackPanels<T, V>(args, b, k, depth, n, n1, work);
                for (int m = m0; m < m1; m += GemmTile.Rows)
                {
                    T* to = c + (long)m * args.LeadingC + n, start = zeros;
                    int leadingStart = 0;
                    if (k > first || args.Accumulate)
                    {
                        start = to;
                        leadingStart = args.LeadingC;
                    }
                    else if (!args.Bias.IsNull) start = args.Bias.As<T>() + n;
                    int high = Math.Min(GemmTile.Rows, m1 - m);
                    if (args.TransposeA) GemmTile.Run<T, V>(rows + (long)(m - m0) * depth, 1, GemmTile.Rows, panel, depth, high, wide, start, leadingStart, to, args.LeadingC);
                    else GemmTile.Run<T, V>(a + (long)m * args.LeadingA + k, args.LeadingA, 1, panel, depth, high, wide, start, leadingStart, to, args.LeadingC);
                }
            }
            k += plan.Depth;
        }
        while (k < last);
    }

    /// <summary>Up to <see cref="PackedPanels"/> panels from column n on, a few rows of B at a time.</summary>
    static void PackPanels<T, V>(in GemmArgs args, T* b, int k, int depth, int n, int end, T* to) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int width = PanelWidth<V, T>();
        for (int i = 0; i < depth; i += PackedRows)
            for (int p = 0; p < PackedPanels && n + p * width < end; p++)
                GemmPack.Columns<T, V>(b, args.LeadingB, args.TransposeB, k + i, n + p * width, Math.Min(PackedRows, depth - i), Math.Min(width, end - n - p * width),
                    to + (p * depth + i) * width);
    }

    /// <summary>A row of C from the slices of its sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void AddSlices<T, V>(in Plan plan, int row) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        GemmArgs args = plan.Args;
        int n = args.N, m = args.M;
        long step = (long)args.Batch * m * n;
        T* c = args.C.As<T>() + row / m * args.BatchC + (long)(row % m) * args.LeadingC, partial = plan.Partial.As<T>() + (long)row * n;
        int j = 0;
        for (; j <= n - V.Count; j += V.Count)
        {
            V sum = args.Accumulate ? V.Load(c + j) : args.Bias.IsNull ? V.Of(0) : V.Load(args.Bias.As<T>() + j);
            for (int s = 0; s < plan.Slices; s++) sum += V.Load(partial + s * step + j);
            sum.Store(c + j);
        }
        for (; j < n; j++)
        {
            T sum = args.Accumulate ? c[j] : args.Bias.IsNull ? T.Zero : args.Bias.As<T>()[j];
            for (int s = 0; s < plan.Slices; s++) sum += partial[s * step + j];
            c[j] = sum;
        }
    }
}
