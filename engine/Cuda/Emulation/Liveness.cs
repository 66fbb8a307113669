namespace MiniTorch.Cuda.Emulation;

/// <summary>
/// Which registers hold a value that is still wanted, where. Registers whose spans of statements do not overlap share a slot of the register file, so that the live
/// state of a warp stays in the first-level cache; the most 32-bit words alive at once estimate the registers a GPU would need.
/// </summary>
internal sealed class Liveness
{
    readonly Body body;
    readonly FlowGraph graph;
    readonly ulong[][] liveIn, liveOut;
    readonly HashSet<(int Statement, int Register)> unread = [];
    readonly int[] first, last;             // 2i: statement i reads, 2i + 1: it writes

    internal Liveness(Body body, FlowGraph graph)
    {
        (this.body, this.graph) = (body, graph);
        int registers = body.Registers.Count, words = (registers + 63) / 64;
        liveIn = new ulong[graph.Count][];
        liveOut = new ulong[graph.Count][];
        for (int b = 0; b < graph.Count; b++) (liveIn[b], liveOut[b]) = (new ulong[words], new ulong[words]);
        first = new int[registers];
        last = new int[registers];
        Array.Fill(first, int.MaxValue);
        Array.Fill(last, -1);
        Slots = new int[registers];
        Array.Fill(Slots, -1);
        Flow(words);
        Measure();
        Assign();
    }

    /// <summary>Slot of each register among those of its width; 16 and 32 bits share theirs. −1 for registers never used.</summary>
    internal int[] Slots { get; }

    /// <summary>Number of slots for predicates, for up to 32 bits and for 64 bits.</summary>
    internal int[] SlotCounts { get; } = new int[3];

    /// <summary>Most 32-bit registers alive at once.</summary>
    internal int Pressure { get; private set; }

    /// <summary>Whether a way leads from the start to a reading of the register that passes no writing.</summary>
    internal bool MayBeUnset(int register) => graph.Count > 0 && Has(liveIn[0], register);

    /// <summary>Whether nobody reads what a statement writes to a register.</summary>
    internal bool IsUnread(int statement, int register) => unread.Contains((statement, register));

    static bool Has(ulong[] set, int r) => (set[r >> 6] >> r & 1) != 0;

    void Flow(int words)
    {
        ulong[] live = new ulong[words];
        for (bool changed = true; changed;)
        {
            changed = false;
            for (int b = graph.Count - 1; b >= 0; b--)
            {
                Array.Clear(live);
                foreach (int s in graph.Successors(b))
                    if (s < graph.Count) for (int w = 0; w < words; w++) live[w] |= liveIn[s][w];
                live.CopyTo(liveOut[b], 0);
                for (int i = graph.End(b) - 1; i >= graph.Start(b); i--) Step(body.Statements[i], live);
                if (live.AsSpan().SequenceEqual(liveIn[b])) continue;
                live.CopyTo(liveIn[b], 0);
                changed = true;
            }
        }
    }

    static void Step(Statement statement, ulong[] live)
    {
        // Under a guard the other lanes keep what they had, so the old value stays wanted.
        if (statement.Guard < 0) foreach (int r in statement.Writes) live[r >> 6] &= ~(1UL << r);
        foreach (int r in statement.Reads) live[r >> 6] |= 1UL << r;
    }

    void Measure()
    {
        ulong[] live = new ulong[(body.Registers.Count + 63) / 64];
        for (int b = 0; b < graph.Count; b++)
        {
            Span(liveIn[b], 2 * graph.Start(b));
            Span(liveOut[b], 2 * graph.End(b) - 1);
            liveOut[b].CopyTo(live, 0);
            for (int i = graph.End(b) - 1; i >= graph.Start(b); i--)
            {
                Statement statement = body.Statements[i];
                foreach (int r in statement.Writes)
                {
                    Touch(r, 2 * i + 1);
                    if (!Has(live, r)) unread.Add((i, r));
                }
                foreach (int r in statement.Reads) Touch(r, 2 * i);
                Step(statement, live);
                Pressure = Math.Max(Pressure, Words(live));
            }
        }
    }

    int Words(ulong[] live)
    {
        int words = 0;
        for (int w = 0; w < live.Length; w++)
            for (ulong rest = live[w]; rest != 0; rest &= rest - 1)
                words += body.Registers[64 * w + BitOperations.TrailingZeroCount(rest)] switch { RegisterClass.Predicate => 0, RegisterClass.Bits64 => 2, _ => 1 };
        return words;
    }

    void Span(ulong[] live, int at)
    {
        for (int w = 0; w < live.Length; w++)
            for (ulong rest = live[w]; rest != 0; rest &= rest - 1) Touch(64 * w + BitOperations.TrailingZeroCount(rest), at);
    }

    void Touch(int register, int at) => (first[register], last[register]) = (Math.Min(first[register], at), Math.Max(last[register], at));

    void Assign()
    {
        int[] order = new int[first.Length];
        for (int r = 0; r < order.Length; r++) order[r] = r;
        Array.Sort([.. first], order);
        Stack<int>[] free = [new(), new(), new()];
        PriorityQueue<int, int> active = new();
        foreach (int r in order)
        {
            if (last[r] < 0) continue;
            while (active.TryPeek(out int ended, out int end) && end < first[r])
            {
                active.Dequeue();
                free[Pool(ended)].Push(Slots[ended]);
            }
            int pool = Pool(r);
            Slots[r] = free[pool].TryPop(out int slot) ? slot : SlotCounts[pool]++;
            active.Enqueue(r, last[r]);
        }
    }

    /// <summary>Which of the three kinds of slots a register takes.</summary>
    int Pool(int register) => PoolOf(body.Registers[register]);

    internal static int PoolOf(RegisterClass width) => width switch { RegisterClass.Predicate => 0, RegisterClass.Bits64 => 2, _ => 1 };
}
