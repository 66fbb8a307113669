namespace MiniTorch.Cuda.Emulation;

/// <summary>
/// Basic blocks of a kernel, the ways between them, and for each block the nearest one that every way to the end passes: there the lanes that a branch parted meet again.
/// </summary>
internal sealed class FlowGraph
{
    readonly List<Statement> statements;
    readonly int[] starts;                  // of blocks, then the number of statements
    readonly int[] blockAt;
    readonly int[][] successors;

    internal FlowGraph(List<Statement> statements)
    {
        this.statements = statements;
        bool[] leads = new bool[statements.Count + 1];
        leads[0] = true;
        for (int i = 0; i < statements.Count; i++)
        {
            if (statements[i].Target >= 0) leads[statements[i].Target] = true;
            if (statements[i].Opcode.Flow is Flow.Branch or Flow.Return) leads[i + 1] = true;
        }
        List<int> found = [];
        blockAt = new int[statements.Count + 1];
        for (int i = 0; i < statements.Count; i++)
        {
            if (leads[i]) found.Add(i);
            blockAt[i] = found.Count - 1;
        }
        Count = found.Count;
        blockAt[^1] = Count;
        starts = [.. found, statements.Count];
        successors = new int[Count][];
        for (int b = 0; b < Count; b++) successors[b] = SuccessorsOf(b);
        PostDominators = Meet();
    }

    internal int Count { get; }

    /// <summary>For each block its immediate post-dominator; the number of blocks stands for the end.</summary>
    internal int[] PostDominators { get; }

    internal int Start(int block) => starts[block];

    internal int End(int block) => starts[block + 1];

    internal int BlockAt(int statement) => blockAt[statement];

    /// <summary>Blocks that may follow; the number of blocks stands for the end.</summary>
    internal ReadOnlySpan<int> Successors(int block) => successors[block];

    /// <summary>The statement at which the ways that part at a branch meet; the number of statements if only at the end.</summary>
    internal int ReconvergenceOf(int branch) => starts[PostDominators[BlockAt(branch)]];

    int[] SuccessorsOf(int block)
    {
        Statement last = statements[End(block) - 1];
        int next = block + 1;
        return last.Opcode.Flow switch
        {
            Flow.Branch when last.Guard < 0 => [blockAt[last.Target]],
            Flow.Branch => [blockAt[last.Target], next],
            Flow.Return when last.Guard < 0 => [Count],
            Flow.Return => [Count, next],
            _ => [next],
        };
    }

    /// <summary>Immediate dominators of the reversed graph, by intersection along reverse postorder until nothing changes.</summary>
    int[] Meet()
    {
        int[] order = ReversePostorder(out int[] rank);
        int[] dominator = new int[Count + 1];
        Array.Fill(dominator, -1);
        dominator[Count] = Count;
        for (bool changed = true; changed;)
        {
            changed = false;
            foreach (int b in order)
            {
                if (b == Count) continue;
                int meeting = -1;
                foreach (int s in successors[b])
                    if (dominator[s] >= 0) meeting = meeting < 0 ? s : Intersect(s, meeting);
                if (meeting >= 0 && dominator[b] != meeting) (dominator[b], changed) = (meeting, true);
            }
        }
        for (int b = 0; b < Count; b++) if (dominator[b] < 0) dominator[b] = Count;       // an endless loop meets nowhere
        return dominator;

        int Intersect(int a, int b)
        {
            while (a != b)
            {
                while (rank[a] > rank[b]) a = dominator[a];
                while (rank[b] > rank[a]) b = dominator[b];
            }
            return a;
        }
    }

    int[] ReversePostorder(out int[] rank)
    {
        List<int>[] predecessors = new List<int>[Count + 1];
        for (int b = 0; b <= Count; b++) predecessors[b] = [];
        for (int b = 0; b < Count; b++) foreach (int s in successors[b]) predecessors[s].Add(b);
        List<int> postorder = [];
        bool[] seen = new bool[Count + 1];
        Stack<(int Block, int Next)> path = new([(Count, 0)]);
        seen[Count] = true;
        while (path.TryPop(out (int Block, int Next) at))
        {
            if (at.Next == predecessors[at.Block].Count)
            {
                postorder.Add(at.Block);
                continue;
            }
            path.Push((at.Block, at.Next + 1));
            int before = predecessors[at.Block][at.Next];
            if (seen[before]) continue;
            seen[before] = true;
            path.Push((before, 0));
        }
        postorder.Reverse();
        rank = new int[Count + 1];
        Array.Fill(rank, int.MaxValue);
        for (int i = 0; i < postorder.Count; i++) rank[postorder[i]] = i;
        return [.. postorder];
    }
}
