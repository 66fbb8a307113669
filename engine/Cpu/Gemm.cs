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
/// packed if transposed. What an item packs next is fetched while it computes. K is summed in order by one thread; only a small C with a large K (the gradient of
/// a weight) is summed in fixed slices, which are then added in order. So the result does not depend on the number of threads.
/// </summary>
static unsafe partial class Gemm
{
    const int PackedRows = 32;                  // of B by one item: few pages at a time

    /// <summary>The product as a launch of its own.</summary>
    internal static readonly Kernel<GemmArgs> Product = Kernel<GemmArgs>.On<Body, Cuda>("Gemm");

    /// <summary>What an op launches under a name of its own.</summary>
    internal struct Body : ICpuKernel<GemmArgs>
    {
        public static void Run<T, V>(CpuDevice device, in GemmArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => Gemm.Run<T, V>(device, args);
    }

    /// <summary>The product inside another kernel, before, between or after its parallel loops; inside an item use <see cref="Serial{T, V}"/>.</summary>
    internal static void Run<T, V>(CpuDevice device, in GemmArgs args, GemmEpilogue epilogue = default) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        Debug.Assert(args.Bias.IsNull || !args.Accumulate);
        if (args.M == 0 || args.N == 0 || args.Batch == 0) return;
        if (args.M == 1 || args.N == 1)
        {
            Gemv.Run<T, V>(device, args, epilogue);
            return;
        }
        if (GemmNarrow.Takes<T, V>(args))
        {
            GemmNarrow.Run<T, V>(device, args, epilogue);
            return;
        }
        GemmPlan plan = GemmPlan.For<T, V>(args) with { Epilogue = epilogue };
        if (plan.Slices > 1)
        {
            GemmSlices.Run<T, V>(device, plan);
            return;
        }
        if (!plan.PacksA && !plan.PacksB)
        {
            device.Workers.For(plan.Items, plan, &Item<T, V>);
            return;
        }
        GemmArgs g = plan.Args;
        int width = GemmPlan.Width<T, V>(), packs = g.BatchB == 0 ? 1 : g.Batch;
        using Scratch b = device.Scratch(plan.PacksB ? (long)packs * plan.Panels<T, V>() * g.K * width * sizeof(T) : 0);
        using Scratch a = device.Scratch(plan.PacksA ? (long)g.Batch * plan.Groups * GemmTile.Rows * g.K * sizeof(T) : 0);
        if (plan.PacksB)
        {
            plan = plan with { PackedB = Pointer.At(b.As<T>()) };
            device.Workers.For(packs * Workers.Blocks(g.K, PackedRows), plan, &PackB<T, V>);
        }
        if (plan.PacksA)
        {
            plan = plan with { PackedA = Pointer.At(a.As<T>()) };
            device.Workers.For(g.Batch * Workers.Blocks(g.K, PackedRows), plan, &PackA<T>);
        }
        device.Workers.For(plan.Items, plan, &Item<T, V>);
    }

    /// <summary>The product on the calling thread alone, inside an item of another kernel, with <see cref="Work{T, V}"/> elements of scratch.</summary>
    internal static void Serial<T, V>(in GemmArgs args, T* work) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        if (args.M == 0 || args.N == 0) return;
        GemmPlan plan = GemmPlan.Whole<T, V>(args);
        for (int item = 0; item < plan.Items; item++) Block<T, V>(plan, item, work);
    }

    /// <summary>Elements of scratch that a product on one thread needs.</summary>
    internal static int Work<T, V>() where T : unmanaged where V : struct, ILanes<V, T>
        => GemmPlan.MostDepth<T, V>() * GemmPlan.PackedPanels * GemmPlan.Width<T, V>() + GemmPlan.PackedElements;

    static void PackB<T, V>(in GemmPlan plan, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        GemmArgs args = plan.Args;
        int width = GemmPlan.Width<T, V>(), panels = plan.Panels<T, V>(), blocks = Workers.Blocks(args.K, PackedRows), pack = item / blocks;
        (int k, int end) = Workers.Range(item % blocks, args.K, PackedRows);
        T* b = args.B.As<T>() + pack * args.BatchB;
        for (int p = 0; p < panels; p++)
        {
            T* to = plan.PackedB.As<T>() + ((long)(pack * panels + p) * args.K + k) * width;
            GemmPack.Columns<T, V>(b, args.LeadingB, args.TransposeB, k, p * width, end - k, Math.Min(width, args.N - p * width), to);
        }
    }

    static void PackA<T>(in GemmPlan plan, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        GemmArgs args = plan.Args;
        int blocks = Workers.Blocks(args.K, PackedRows), batch = item / blocks;
        (int k, int end) = Workers.Range(item % blocks, args.K, PackedRows);
        long group = (long)args.K * GemmTile.Rows;
        GemmPack.Rows(args.A.As<T>() + batch * args.BatchA + (long)k * args.LeadingA, args.LeadingA, args.M, end - k,
            plan.PackedA.As<T>() + batch * plan.Groups * group + k * GemmTile.Rows, group);
    }

    internal static void Item<T, V>(in GemmPlan plan, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        => Block<T, V>(plan, item, Workers.Local<T>(Work<T, V>()));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Block<T, V>(in GemmPlan plan, int item, T* work) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        GemmArgs args = plan.Args;
        int width = GemmPlan.Width<T, V>(), panels = plan.Panels<T, V>(), block = item % plan.Blocks, batch = item / plan.Blocks % args.Batch, slice = item / plan.Blocks / args.Batch;
        int m0 = block % plan.RowBlocks * plan.Rows, m1 = Math.Min(args.M, m0 + plan.Rows);
        int n0 = block / plan.RowBlocks * plan.Columns, n1 = Math.Min(args.N, n0 + plan.Columns);
        int first = (int)((long)slice * args.K / plan.Slices), last = (int)((slice + 1L) * args.K / plan.Slices);
        T* a = args.A.As<T>() + batch * args.BatchA, b = args.B.As<T>() + batch * args.BatchB, c = args.C.As<T>() + batch * args.BatchC;
        if (plan.Slices > 1)
        {
            c = plan.Partial.As<T>() + ((long)slice * args.Batch + batch) * args.M * args.N;
            args = args with { Accumulate = false, Bias = default, LeadingC = args.N };
        }
        bool inPlace = plan.ReadsB, packsB = plan.PackedB.IsNull && !inPlace, rowsA = !args.TransposeA, packsRows = args.TransposeA && plan.PackedA.IsNull;
        T* packed = plan.PackedB.IsNull ? null : plan.PackedB.As<T>() + (args.BatchB == 0 ? 0 : (long)batch * panels * args.K * width);
        T* rows = work + GemmPlan.PackedPanels * GemmPlan.MostDepth<T, V>() * width, zeros = stackalloc T[width];
        new Span<T>(zeros, width).Clear();
        long group = plan.PackedA.IsNull ? 0 : (long)args.K * GemmTile.Rows;
        T* packedA = plan.PackedA.IsNull ? null : plan.PackedA.As<T>() + (batch * plan.Groups + m0 / GemmTile.Rows) * group;

        bool narrow = plan.Slices == 1 && n1 - n0 < GemmPlan.PackedPanels * width;     // rows far apart for their length: a cache may hold few of them
        int k = first;
        do
        {
            int depth = Math.Min(plan.Depth, last - k), tile = 0;
            if (packsRows) GemmPack.Rows(a + (long)k * args.LeadingA + m0, args.LeadingA, m1 - m0, depth, rows, depth * GemmTile.Rows);
            int left = rowsA ? (m1 - m0) % GemmTile.Rows : 0;
            if (left > 0) GemmPack.LastRows(a + (long)(m1 - left) * args.LeadingA + k, args.LeadingA, left, depth, rows);
            for (int n = n0; n < n1; n += width)
            {
                int wide = Math.Min(width, n1 - n), turn = (n - n0) / width % GemmPlan.PackedPanels, stepB = width;
                T* panel = work + turn * depth * width;
                if (packed != null) panel = packed + ((long)(n / width) * args.K + k) * width;
                else if (inPlace && wide == width)
                {
                    panel = b + (long)k * args.LeadingB + n;
                    stepB = args.LeadingB;
                }
                else if (turn == 0 || inPlace)
                {
                    PackPanels<T, V>(args, b, k, depth, n, n1, panel);
                    tile = 0;
                }
                for (int m = m0; m < m1; m += GemmTile.Rows)
                {
                    T* to = c + (long)m * args.LeadingC + n, start = zeros;
                    int leadingStart = 0, high = Math.Min(GemmTile.Rows, m1 - m);
                    if (k > first || args.Accumulate)
                    {
                        start = to;
                        leadingStart = args.LeadingC;
                    }
                    else if (!args.Bias.IsNull) start = args.Bias.As<T>() + n;
                    T* from = rowsA ? a + (long)m * args.LeadingA + k : packsRows ? rows + (long)(m - m0) * depth : packedA + (m - m0) / GemmTile.Rows * group + k * GemmTile.Rows;
                    Ahead<T> ahead = new(from, 0, 0);                       // nothing: what is read anyway
                    if (rowsA && n == n0 && k == first) ahead = new(from + (long)high * args.LeadingA, args.LeadingA, CacheLine.Of<T>());
                    else if (rowsA && n + width >= n1 && k + depth < last) ahead = new(from + depth, args.LeadingA, CacheLine.Of<T>());
                    else if (packsB | packsRows) ahead = Next<T, V>(args, a + m0, packsRows ? m1 - m0 : 0, b, packsB, k, depth, last, n, n0, n1, tile++, ahead);
                    if (rowsA && high == GemmTile.Rows) GemmTile.Run<T, V>(from, args.LeadingA, 1, panel, stepB, depth, high, wide, start, leadingStart, to, args.LeadingC, ahead);
                    else GemmTile.Run<T, V>(rowsA ? rows : from, 1, GemmTile.Rows, panel, stepB, depth, high, wide, start, leadingStart, to, args.LeadingC, ahead);
                    if (narrow && k + depth == last) plan.Epilogue.Run(new(batch, m, n, high, wide));
                }
            }
            k += depth;
        }
        while (k < last);
        if (!narrow && plan.Slices == 1) plan.Epilogue.Run(new(batch, m0, n0, m1 - m0, n1 - n0));
    }

    /// <summary>What a tile asks for: the next panels that this item packs, then the next rows of a transposed A.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Ahead<T> Next<T, V>(in GemmArgs args, T* a, int rows, T* b, bool packsB, int k, int depth, int last, int n, int n0, int n1, int tile, Ahead<T> nothing)
        where T : unmanaged where V : struct, ILanes<V, T>
    {
        int lines = Math.Max(1, Workers.Blocks(depth, CacheLine.Of<T>())), further = Math.Min(depth, last - k - depth), group = GemmPlan.PackedPanels * GemmPlan.Width<T, V>();
        int next = n0 + ((n - n0) / group + 1) * group;
        bool wraps = next >= n1;
        if (packsB && !(wraps && further <= 0))
        {
            int at = wraps ? n0 : next, columns = Math.Min(group, n1 - at), from = wraps ? k + depth : k, deep = wraps ? further : depth;
            (int high, int wide) = args.TransposeB ? (columns, deep) : (deep, columns);
            int tiles = Ahead<T>.Tiles(high, wide, lines);
            if (tile < tiles) return Ahead<T>.Of(b + (args.TransposeB ? (long)at * args.LeadingB + from : (long)from * args.LeadingB + at), args.LeadingB, high, lines, tile);
            tile -= tiles;
        }
        if (rows > 0 && wraps | !packsB && tile < Ahead<T>.Tiles(further, rows, lines)) return Ahead<T>.Of(a + (long)(k + depth) * args.LeadingA, args.LeadingA, further, lines, tile);
        return nothing;
    }

    /// <summary>Up to <see cref="GemmPlan.PackedPanels"/> panels from column n on, a few rows of B at a time.</summary>
    static void PackPanels<T, V>(in GemmArgs args, T* b, int k, int depth, int n, int end, T* to) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int width = GemmPlan.Width<T, V>();
        for (int i = 0; i < depth; i += PackedRows)
            for (int p = 0; p < GemmPlan.PackedPanels && n + p * width < end; p++)
                GemmPack.Columns<T, V>(b, args.LeadingB, args.TransposeB, k + i, n + p * width, Math.Min(PackedRows, depth - i), Math.Min(width, end - n - p * width),
                    to + (p * depth + i) * width);
    }
}
