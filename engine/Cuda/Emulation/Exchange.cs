namespace MiniTorch.Cuda.Emulation;

/// <summary>Instructions by which the lanes of a warp see each other. All lanes named by the member mask must be there.</summary>
internal static unsafe class Exchange
{
    /// <summary>Modifiers of a shuffle.</summary>
    internal const int Up = 0, Down = 1, Butterfly = 2, Index = 3;

    /// <summary>Modifiers of a vote.</summary>
    internal const int All = 0, Any = 1, Uniform = 2;

    internal static void CheckMembers(Warp w, Operation* o, uint lanes, uint* members)
    {
        for (uint rest = lanes; rest != 0; rest &= rest - 1)
        {
            int l = BitOperations.TrailingZeroCount(rest);
            uint named = members[l] & w.Existing;
            if (named != lanes) throw w.Fault(o, l, $"divergent: the mask names lanes {named:x8}, but lanes {lanes:x8} are here{((named & w.Exited) != 0 ? $", and {named & w.Exited:x8} have returned" : "")}");
        }
    }

    internal static void Shuffle(Warp w, Operation* o, uint lanes)
    {
        CheckMembers(w, o, lanes, w.Register<uint>(o->F));
        uint* a = w.Register<uint>(o->A), b = w.Register<uint>(o->B), c = w.Register<uint>(o->C);
        uint* value = stackalloc uint[Warp.Lanes];
        uint inRange = 0;
        for (uint rest = lanes; rest != 0; rest &= rest - 1)
        {
            int l = BitOperations.TrailingZeroCount(rest), by = (int)b[l] & 31, clamp = (int)c[l] & 31, segment = (int)c[l] >> 8 & 31;
            int most = l & segment | clamp & ~segment, least = l & segment;
            int from = o->Modifier switch { Up => l - by, Down => l + by, Butterfly => l ^ by, _ => least | by & ~segment };
            bool within = o->Modifier == Up ? from >= most : from <= most;
            if (!within) from = l;
            else inRange |= 1u << l;
            if ((lanes >> from & 1) == 0) throw w.Fault(o, l, $"reads from lane {from}, which is not there (lanes {lanes:x8} are)");
            value[l] = a[from];
        }
        uint* d = w.Register<uint>(o->D);
        for (uint rest = lanes; rest != 0; rest &= rest - 1)
        {
            int l = BitOperations.TrailingZeroCount(rest);
            d[l] = value[l];
        }
        if (o->E < 0) return;
        uint* p = w.Register<uint>(o->E);
        *p = *p & ~lanes | inRange & lanes;
    }

    internal static void Vote(Warp w, Operation* o, uint lanes)
    {
        CheckMembers(w, o, lanes, w.Register<uint>(o->B));
        uint votes = Votes(w, o) & lanes;
        uint* d = w.Register<uint>(o->D);
        bool result = (o->Modifier & 3) switch { All => votes == lanes, Any => votes != 0, _ => votes == lanes || votes == 0 };
        *d = *d & ~lanes | (result ? lanes : 0);
    }

    internal static void Ballot(Warp w, Operation* o, uint lanes)
    {
        CheckMembers(w, o, lanes, w.Register<uint>(o->B));
        Give(w, o, lanes, Votes(w, o) & lanes);
    }

    internal static void ActiveMask(Warp w, Operation* o, uint lanes) => Give(w, o, lanes, lanes);

    /// <summary>A sum, least, largest or bits of all lanes, for all lanes.</summary>
    internal static void Reduce<TOp, T>(Warp w, Operation* o, uint lanes) where TOp : IAtomic<T> where T : unmanaged
    {
        CheckMembers(w, o, lanes, w.Register<uint>(o->B));
        T* a = w.Register<T>(o->A);
        uint rest = lanes & lanes - 1;
        T result = a[BitOperations.TrailingZeroCount(lanes)];
        for (; rest != 0; rest &= rest - 1) result = TOp.Of(result, a[BitOperations.TrailingZeroCount(rest)], default);
        Give(w, o, lanes, *(uint*)&result);
    }

    static uint Votes(Warp w, Operation* o) => *w.Register<uint>(o->A) ^ ((o->Modifier & Compare.NegatedSource) != 0 ? uint.MaxValue : 0);

    static void Give(Warp w, Operation* o, uint lanes, uint value)
    {
        uint* d = w.Register<uint>(o->D);
        for (uint rest = lanes; rest != 0; rest &= rest - 1) d[BitOperations.TrailingZeroCount(rest)] = value;
    }
}
