using System.Runtime.CompilerServices;

namespace MiniTorch;

/// <summary>
/// Owns what is computed while it is open; the one scope a user writes, around each training or evaluation step. A ref struct: it cannot be stored,
/// captured, or held across an await, so steps nest by construction.
/// </summary>
public readonly ref struct Step
{
    readonly StepFrame frame;

    Step(StepFrame frame) => this.frame = frame;

    /// <summary>Opens a step on this thread; dispose it with <c>using</c>.</summary>
    public static Step Begin([CallerFilePath] string file = "", [CallerLineNumber] int line = 0) => new(StepFrame.Push(file, line));

    /// <summary>Hands a result to the step outside this one; from the outermost step it becomes lasting and a constant.</summary>
    public Tensor Keep(Tensor x)
    {
        frame.Keep(x);
        return x;
    }

    /// <summary>Lets go of everything this step owns but the survivors. What the graph saved stays until its backward.</summary>
    public void ReleaseExcept(params ReadOnlySpan<Tensor> survivors) => frame.ReleaseExcept(survivors);

    /// <summary>Ends the step and lets go of what it owns.</summary>
    public void Dispose() => frame.End();
}

internal sealed class StepFrame
{
    [ThreadStatic] static StepFrame? current;
    [ThreadStatic] static StepFrame? outermost;

    const int Deepest = 64;
    static readonly StepFrame Survivor = new(null);

    readonly StepFrame? outer;
    readonly int depth;
    readonly List<Storage> owned = [];
    readonly List<Op>? ops;             // outermost step only: the graph that ends with it
    StepFrame? inner;                   // reused, so that steps cost no allocation when warm
    string file = "";
    int line;

    StepFrame(StepFrame? outer)
    {
        this.outer = outer;
        depth = outer is null ? 1 : outer.depth + 1;
        if (outer is null) ops = [];
    }

    internal static StepFrame? Current => current;

    internal static StepFrame Push(string file, int line)
    {
        StepFrame? outer = current;
        if (outer is { depth: >= Deepest })
        {
            string where = $"{Path.GetFileName(outer.file)}:{outer.line}";
            for (StepFrame? f = outer; f is not null; f = f.outer) f.End();
            throw new TensorException($"{Deepest} steps are open, one begun at {where}: is a `using` missing there?");
        }
        StepFrame frame = outer is null ? outermost ??= new StepFrame(null) : outer.inner ??= new StepFrame(outer);
        (frame.file, frame.line) = (file, line);
        return current = frame;
    }

    internal void Own(Storage storage) => owned.Add(storage);

    internal static void Record(Op op)
    {
        StepFrame? frame = current;
        if (frame is null) return;      // outside any step the graph lives as long as its handles
        while (frame.outer is not null) frame = frame.outer;
        frame.ops!.Add(op);
    }

    internal void Keep(Tensor x)
    {
        _ = x.Address;                              // says so if it is already gone
        Storage storage = x.Storage;
        if (storage.Step != this) return;           // an outer step's tensor, a parameter, or kept before
        if (outer is null)
        {
            storage.MakeLasting();
            return;
        }
        storage.Step = outer;
        outer.owned.Add(storage);
    }

    internal void ReleaseExcept(ReadOnlySpan<Tensor> survivors)
    {
        foreach (Tensor x in survivors)
            if (x.Storage.Step == this) x.Storage.Step = Survivor;
        for (int i = owned.Count - 1; i >= 0; i--)          // backwards: the pool takes falling addresses in constant time
            if (owned[i].Step == this)
            {
                owned[i].Step = null;
                owned[i].DropOwner(Ending.Step);
            }
        int kept = 0;
        for (int i = 0; i < owned.Count; i++)
            if (owned[i].Step == Survivor)
            {
                owned[i].Step = this;
                owned[kept++] = owned[i];
            }
        owned.RemoveRange(kept, owned.Count - kept);
    }

    internal void End()
    {
        while (current is not null && current != this && current.depth > depth) current.End();   // an inner step whose `using` was forgotten
        if (current != this) return;
        current = outer;
        ReleaseExcept([]);
        if (ops is null) return;
        for (int i = ops.Count - 1; i >= 0; i--) ops[i].End();
        ops.Clear();
    }
}
