namespace MiniTorch.Cuda.Emulation;

/// <summary>Instructions that change the flow, and those that do nothing here.</summary>
internal static unsafe class Control
{
    internal static void Branch(Warp w, Operation* o, uint taken)
    {
        if (taken == w.Active) w.Pc = o->Target;
        else w.Part(o->Target, o->Reconverge, taken);
    }

    internal static void Return(Warp w, Operation* _, uint lanes) => w.Exit(lanes);

    internal static void Trap(Warp w, Operation* o, uint lanes) => throw w.Fault(o, BitOperations.TrailingZeroCount(lanes), "the kernel trapped");

    /// <summary>Fences order memory between threads; here every access is done when its instruction is.</summary>
    internal static void Nothing(Warp _, Operation* _1, uint _2)
    {
    }

    internal static void Barrier(Warp w, Operation* o, uint lanes)
    {
        int lane = BitOperations.TrailingZeroCount(lanes);
        if (lanes != w.Present) throw w.Fault(o, lane, $"barrier in divergent code: lanes {lanes:x8} of {w.Present:x8} are here");
        if (o->B >= 0 && w.Register<uint>(o->B)[lane] != w.Block.Extent.Count) throw w.Fault(o, lane, "barriers for a part of the block are not supported");
        w.Barrier = (int)w.Register<uint>(o->A)[lane];
        if (w.Barrier > 15) throw w.Fault(o, lane, $"there is no barrier {w.Barrier}: they are numbered 0 to 15");
    }

    internal static void WarpBarrier(Warp w, Operation* o, uint lanes) => Exchange.CheckMembers(w, o, lanes, w.Register<uint>(o->A));

    internal static void ReadClock(Warp w, Operation* o, uint lanes)
    {
        for (int lane = 0; lane < Warp.Lanes; lane++)
            if ((lanes >> lane & 1) != 0)
            {
                if (o->Modifier == sizeof(ulong)) w.Register<ulong>(o->D)[lane] = (ulong)w.Executed;
                else w.Register<uint>(o->D)[lane] = (uint)w.Executed;
            }
    }

    /// <summary>Runs an instruction that reads or sets registers whose setting is watched.</summary>
    internal static void RunTracked(Warp w, Operation* o, uint lanes)
    {
        int* at = o->Tracking;
        for (int reads = *at++; reads > 0; reads--)
        {
            uint unset = lanes & ~*w.Register<uint>(*at++);
            if (unset != 0) throw w.Fault(o, BitOperations.TrailingZeroCount(unset), "reads a register that has not been set");
        }
        for (int writes = *at++; writes > 0; writes--) *w.Register<uint>(*at++) |= lanes;
        o->Inner(w, o, lanes);
    }

    /// <summary>A move of such a register is no use of it: compilers move what one way leaves unset and the other does not read.</summary>
    internal static void RunCopy(Warp w, Operation* o, uint lanes)
    {
        int* at = o->Tracking;
        uint set = lanes;
        for (int reads = *at++; reads > 0; reads--) set &= *w.Register<uint>(*at++);
        for (int writes = *at++; writes > 0; writes--)
        {
            uint* word = w.Register<uint>(*at++);
            *word = *word & ~lanes | set;
        }
        o->Inner(w, o, lanes);
    }
}
