using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MiniTorch.Cuda.Emulation;

/// <summary>
/// 32 lanes that share a place in the code. Where a branch parts them, one way runs until both meet again and the other waits on a stack. Lanes that have returned are taken
/// out of every waiting way.
/// </summary>
internal sealed unsafe class Warp : IDisposable
{
    internal const int Lanes = 32;
    const int MostWays = 80;                // each parting splits a set of lanes and adds at most two entries

    readonly (int Pc, uint Lanes, int Reconverge)[] ways = new (int, uint, int)[MostWays];
    readonly Code code;
    readonly Operation* operations;
    int waitingWays;
    long budget;

    internal Warp(Block block, int number, int threads)
    {
        (Block, Number, code) = (block, number, block.Code);
        operations = code.Operations;
        Existing = threads >= Lanes ? uint.MaxValue : (1u << threads) - 1;
        File = (byte*)NativeMemory.AlignedAlloc((nuint)code.FileBytes, 64);
        NativeMemory.Clear(File, (nuint)code.FileBytes);
        Addresses = (ulong*)NativeMemory.AlignedAlloc(2 * Lanes * sizeof(ulong), 64);
        At = (byte**)(Addresses + Lanes);
        FillConstants();
    }

    internal Block Block { get; }

    /// <summary>Number in the block.</summary>
    internal int Number { get; }

    /// <summary>The register file.</summary>
    internal byte* File { get; }

    /// <summary>Scratch: the address that each lane gives to the current instruction.</summary>
    internal ulong* Addresses { get; }

    /// <summary>Scratch: where that is in the memory of this process.</summary>
    internal byte** At { get; }

    /// <summary>Lanes that belong to threads of the block.</summary>
    internal uint Existing { get; }

    /// <summary>Lanes on the way that runs.</summary>
    internal uint Active { get; private set; }

    /// <summary>Lanes that have returned.</summary>
    internal uint Exited { get; private set; }

    /// <summary>Lanes that have not returned.</summary>
    internal uint Present => Existing & ~Exited;

    /// <summary>The next operation.</summary>
    internal int Pc { get; set; }

    /// <summary>Where the lanes of this way meet the others.</summary>
    internal int Reconverge { get; private set; }

    /// <summary>The barrier at which the warp waits, or −1.</summary>
    internal int Barrier { get; set; }

    internal bool Finished => Present == 0;

    /// <summary>Operations executed in this block, as the clock counts them.</summary>
    internal long Executed { get; private set; }

    /// <summary>Copies under way into shared memory.</summary>
    internal AsyncCopies Copies { get; } = new();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal T* Register<T>(int offset) where T : unmanaged => (T*)(File + offset);

    internal Dim3 ThreadAt(int lane) => Block.Extent.At(Number * Lanes + lane);

    public void Dispose()
    {
        NativeMemory.AlignedFree(File);
        NativeMemory.AlignedFree(Addresses);
    }

    /// <summary>Takes the place of the warp in a new block.</summary>
    internal void Start()
    {
        (Pc, Active, Exited, Reconverge, Barrier, waitingWays, Executed) = (0, Existing, 0, code.Length, -1, 0, 0);
        budget = Block.InstructionLimit;
        Copies.Clear();
        foreach (int word in code.Tracked) *Register<uint>(word) = 0;
        foreach (FileSpecial special in code.Specials)
            if (special.ChangesWithBlock) Fill(special.Offset, special.Wide, special.Values(this, 0));
    }

    /// <summary>Runs to the next barrier or to the end.</summary>
    internal void Run()
    {
        Barrier = -1;
        while (Barrier < 0)
        {
            if (Pc == Reconverge)
            {
                if (!Resume()) return;
                continue;
            }
            Operation* o = operations + Pc;
            OperationCounts* counts = Block.Counts + Pc;
            uint active = Active;
            counts->Executions++;
            if (o->Straight > 0)
            {
                counts->Lanes += BitOperations.PopCount(active);
                Operation* end = o + o->Straight;
                Pc += o->Straight;
                Executed += o->Straight;
                do o->Run(this, o, active);
                while (++o < end);
            }
            else
            {
                if (o->Guard >= 0) active &= *Register<uint>(o->Guard) ^ o->GuardFlip;
                counts->Lanes += BitOperations.PopCount(active);
                Pc++;
                Executed++;
                if (active != 0) o->Run(this, o, active);
                if (Active == 0 && !Resume()) return;
            }
            if (Executed > budget) throw Fault(o - 1, BitOperations.TrailingZeroCount(Active), $"still running after {budget} instructions of the warp: an endless loop, or a wait for another warp");
        }
    }

    /// <summary>Some lanes go to the target and the rest goes on; both meet at <paramref name="meeting"/>.</summary>
    internal void Part(int target, int meeting, uint taken)
    {
        uint rest = Active & ~taken;
        int next = Pc;
        if (meeting != Reconverge) ways[waitingWays++] = (meeting, Active, Reconverge);
        Reconverge = meeting;
        if (target == meeting) Active = rest;
        else
        {
            if (next != meeting) ways[waitingWays++] = (next, rest, meeting);
            (Pc, Active) = (target, taken);
        }
    }

    /// <summary>Takes lanes out for good.</summary>
    internal void Exit(uint lanes)
    {
        Exited |= lanes;
        Active &= ~lanes;
        for (int i = 0; i < waitingWays; i++) ways[i].Lanes &= ~lanes;
    }

    internal EmulationException Fault(Operation* o, int lane, string problem)
    {
        Statement statement = code.Statements[(int)Math.Clamp(o - operations, 0, code.Length - 1)];
        return new(problem, code.Kernel.Name, statement.Line, statement.Text, Block.Place, ThreadAt(Math.Min(lane, Lanes - 1)));
    }

    /// <summary>Goes on with the way that waited last; false if none is left.</summary>
    bool Resume()
    {
        while (waitingWays > 0)
        {
            (Pc, Active, Reconverge) = ways[--waitingWays];
            if (Active != 0) return true;
        }
        Active = 0;
        return false;
    }

    void FillConstants()
    {
        foreach (FileConstant constant in code.Constants)
        {
            ulong bits = constant.Bits + (constant.Symbol is null ? 0 : Block.AddressOf(constant.Symbol));
            Fill(constant.Offset, constant.Width == RegisterClass.Bits64, bits);
        }
        foreach (FileSpecial special in code.Specials)
            for (int lane = 0; lane < Lanes; lane++)
            {
                ulong value = special.Values(this, lane);
                if (special.Wide) Register<ulong>(special.Offset)[lane] = value;
                else Register<uint>(special.Offset)[lane] = (uint)value;
            }
    }

    void Fill(int offset, bool wide, ulong value)
    {
        if (wide) new Span<ulong>(File + offset, Lanes).Fill(value);
        else new Span<uint>(File + offset, Lanes).Fill((uint)value);
    }
}
