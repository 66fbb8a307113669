namespace MiniTorch;

/// <summary>
/// How a product is cut into items, by its shape alone. A tall product has blocks of rows (and of columns, for enough items) that share B, packed once before they
/// start. In a short one an item has all rows and a few panels of columns, which it packs itself. A small C with a large K is cut into slices of K.
/// </summary>
readonly unsafe record struct GemmPlan(GemmArgs Args, int Rows, int Columns, int Depth)
{
    internal const int PackedPanels = 4;        // by an item at a time: whole runs of a row of B are read
    internal const int PackedElements = 96 * 432;   // of A by an item at a time: a quarter of a 512 KiB L2
    const int BlockRows = 96;                   // of A: with the depth below they take a quarter of a 512 KiB L2
    const int PanelBytes = 24 * 1024;           // of B: three quarters of a 32 KiB L1
    const int ShortRows = 512;
    const int ShortElements = 80 * 1024;        // of A at a time, read again for each panel: less than a 512 KiB L2
    const int ShortBytes = 256;                 // of a row of B in an item that has all rows of A and C, which fill L2
    const int FewestItems = 16;
    const int TallItems = 48;                   // that need not pack A: small ones keep all threads busy to the end
    const long SmallestItem = 1 << 16;          // multiplications; below, waking a thread costs more than it gives
    const int SliceDepth = 768;                 // least of K in a slice
    const long LargestPartial = 1 << 20;        // elements of all slices together
    const long LargestSliced = 1 << 18;         // elements of C
    const long LargestPacked = 16 << 20;        // bytes; a larger B is packed by each item as it goes

    internal int Slices { get; private init; } = 1;

    /// <summary>What follows on each final block of C.</summary>
    internal GemmEpilogue Epilogue { get; init; }

    /// <summary>The sums of the slices, [slice, batch, M, N].</summary>
    internal Pointer Partial { get; init; }

    /// <summary>True if the slices hold the transpose of C.</summary>
    internal bool Swapped { get; private init; }

    /// <summary>True if B is to be packed before the items start, and where.</summary>
    internal bool PacksB { get; private init; }
    internal Pointer PackedB { get; init; }

    /// <summary>True if A, transposed, is to be packed before the items start, and where.</summary>
    internal bool PacksA { get; private init; }
    internal Pointer PackedA { get; init; }

    internal int RowBlocks => Workers.Blocks(Args.M, Rows);
    internal int Blocks => RowBlocks * Workers.Blocks(Args.N, Columns);
    internal int Items => Slices * Args.Batch * Blocks;

    /// <summary>Groups of rows of A.</summary>
    internal int Groups => Workers.Blocks(Args.M, GemmTile.Rows);

    /// <summary>Columns of a panel.</summary>
    internal static int Width<T, V>() where T : unmanaged where V : struct, ILanes<V, T> => 2 * V.Count;

    /// <summary>Panels of B.</summary>
    internal int Panels<T, V>() where T : unmanaged where V : struct, ILanes<V, T> => Workers.Blocks(Args.N, Width<T, V>());

    /// <summary>The most of K that an item takes at a time.</summary>
    internal static int MostDepth<T, V>() where T : unmanaged where V : struct, ILanes<V, T> => Math.Min(384, PanelBytes / (Width<T, V>() * sizeof(T))) * 9 / 8;

    /// <summary>True if B is read where it is: each element once, by the only group of rows.</summary>
    internal bool ReadsB => Args.M <= GemmTile.Rows && !Args.TransposeB && Slices == 1;

    /// <summary>The product as one thread computes it.</summary>
    internal static GemmPlan Whole<T, V>(in GemmArgs args) where T : unmanaged where V : struct, ILanes<V, T>
    {
        int depth = EvenDepth(args.K, MostDepth<T, V>()), rows = args.TransposeA ? PackedElements / depth : 2 * BlockRows;  // rows read in place need no scratch
        return new(args, EvenRows(args.M, rows), Workers.Blocks(args.N, Width<T, V>()) * Width<T, V>(), depth);
    }

    internal static GemmPlan For<T, V>(in GemmArgs args) where T : unmanaged where V : struct, ILanes<V, T>
    {
        int width = Width<T, V>(), most = MostDepth<T, V>(), depth = EvenDepth(args.K, most), panels = Workers.Blocks(args.N, width);
        long size = (long)args.Batch * args.M * args.N, wanted = size * Math.Max(1, args.K) / SmallestItem;

        int slices = size > LargestSliced ? 1 : (int)Math.Min(Math.Min(FewestItems, args.K / SliceDepth), LargestPartial / size);
        if (slices > 1)
        {
            bool swap = args.TransposeA && !args.TransposeB && args.M > args.N;     // the wide operand is the cheaper one to pack as B
            GemmArgs g = swap ? args with { A = args.B, B = args.A, M = args.N, N = args.M, LeadingA = args.LeadingB, LeadingB = args.LeadingA, BatchA = args.BatchB, BatchB = args.BatchA } : args;
            depth = EvenDepth((g.K + slices - 1) / slices, most);
            int high = EvenRows(g.M, PackedElements / depth), across = Workers.Blocks(g.N, width);
            int split = Parts(FewestItems, (long)slices * g.Batch * Workers.Blocks(g.M, high), across / PackedPanels);
            return new(g, high, (across + split - 1) / split * width, depth) { Slices = slices, Swapped = swap };
        }
        if (args.M <= ShortRows)
        {
            depth = EvenDepth(args.K, Math.Min(most, ShortElements / args.M));
            int rows = args.M, widest = args.Batch < FewestItems ? Math.Clamp(ShortBytes / (width * sizeof(T)), 1, panels) : panels;
            int columns = (int)Math.Clamp(((long)panels * args.Batch + FewestItems - 1) / FewestItems, 1, widest);
            columns = (int)Math.Clamp(((long)panels * args.Batch + wanted - 1) / Math.Max(1, wanted), columns, panels);
            GemmPlan plan = new(args, rows, columns * width, depth);
            return args.TransposeA && (rows > WholeGroups(PackedElements / depth) || columns < panels) ? plan with { PacksA = true } : plan;
        }
        int block = EvenRows(args.M, args.TransposeA ? PackedElements / depth : BlockRows), blocks = Workers.Blocks(args.M, block);
        int parts = Parts(Math.Min(wanted, args.TransposeA ? FewestItems : TallItems), (long)args.Batch * blocks, args.TransposeA ? panels / PackedPanels : panels);
        long bytes = (args.BatchB == 0 ? 1L : args.Batch) * panels * args.K * width * sizeof(T);
        return new(args, block, (panels + parts - 1) / parts * width, depth) { PacksB = bytes is > 0 and <= LargestPacked };
    }

    /// <summary>Parts of the columns for the wanted number of items.</summary>
    static int Parts(long wanted, long items, int most) => (int)Math.Clamp((wanted + items - 1) / items, 1, Math.Max(1, most));

    /// <summary>Blocks of K of about equal size.</summary>
    static int EvenDepth(int k, int most)
    {
        int blocks = Math.Max(1, (k + most - 1) / most);
        return Math.Max(1, (k + blocks - 1) / blocks);
    }

    /// <summary>Blocks of M of about equal size, in whole groups of rows.</summary>
    static int EvenRows(int m, int most)
    {
        most = WholeGroups(most);
        int blocks = (m + most - 1) / most;
        return ((m + blocks - 1) / blocks + GemmTile.Rows - 1) / GemmTile.Rows * GemmTile.Rows;
    }

    static int WholeGroups(int rows) => rows / GemmTile.Rows * GemmTile.Rows;
}
