using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MiniTorch.Cuda.Emulation;

/// <summary>Loads and stores: elements of a type in memory, in registers of 16, 32 or 64 bits, alone or in vectors.</summary>
internal static unsafe class Transfers
{
    /// <summary>Loads elements T into registers that hold R, extended by the sign of T.</summary>
    internal static void Load<TSpace, T, TRegister>(Warp w, Operation* o, uint mask)
        where TSpace : ISpace where T : unmanaged, IBinaryInteger<T> where TRegister : unmanaged, IBinaryInteger<TRegister>
    {
        int count = o->List == null ? 1 : o->Count;
        int single = o->D;
        int* to = o->List == null ? &single : o->List;
        Pattern pattern = TSpace.Resolve(w, o, mask, sizeof(T) * count, Access.Read);
        byte** at = w.At;
        if (mask == uint.MaxValue && sizeof(T) == 4 && sizeof(TRegister) == 4)
        {
            if (pattern == Pattern.Broadcast)
            {
                for (int v = 0; v < count; v++) Fill(w.Register<uint>(to[v]), ((uint*)at[0])[v]);
                return;
            }
            if (count == 1 && pattern == Pattern.Contiguous)
            {
                CopyRegister(at[0], w.File + single);
                return;
            }
            if (count == 4)
            {
                LoadFours(w, to, at);
                return;
            }
        }
        for (int v = 0; v < count; v++)
        {
            byte* register = w.File + to[v];
            if (mask == uint.MaxValue) for (int l = 0; l < Warp.Lanes; l++) Put(register, l, TRegister.CreateTruncating(((T*)at[l])[v]));
            else for (uint rest = mask; rest != 0; rest &= rest - 1)
            {
                int l = BitOperations.TrailingZeroCount(rest);
                Put(register, l, TRegister.CreateTruncating(((T*)at[l])[v]));
            }
        }
    }

    /// <summary>Stores the lowest bytes of registers of 32 or of 64 bits.</summary>
    internal static void Store<TSpace, T, TRegister>(Warp w, Operation* o, uint mask)
        where TSpace : ISpace where T : unmanaged, IBinaryInteger<T> where TRegister : unmanaged, IBinaryInteger<TRegister>
    {
        int count = o->List == null ? 1 : o->Count;
        int single = o->B;
        int* from = o->List == null ? &single : o->List;
        Pattern pattern = TSpace.Resolve(w, o, mask, sizeof(T) * count, Access.Write);
        byte** at = w.At;
        if (mask == uint.MaxValue && sizeof(T) == 4 && sizeof(TRegister) == 4)
        {
            if (count == 1 && pattern == Pattern.Contiguous)
            {
                CopyRegister(w.File + single, at[0]);
                return;
            }
            if (count == 4)
            {
                StoreFours(w, from, at);
                return;
            }
        }
        for (int v = 0; v < count; v++)
        {
            TRegister* register = w.Register<TRegister>(from[v]);
            for (uint rest = mask; rest != 0; rest &= rest - 1)
            {
                int l = BitOperations.TrailingZeroCount(rest);
                ((T*)at[l])[v] = T.CreateTruncating(register[l]);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Put<TRegister>(byte* register, int lane, TRegister value) where TRegister : unmanaged
    {
        if (sizeof(TRegister) == 8) ((ulong*)register)[lane] = *(ulong*)&value;
        else ((uint*)register)[lane] = sizeof(TRegister) == 2 ? *(ushort*)&value : *(uint*)&value;
    }

    static void Fill(uint* register, uint value)
    {
        for (int i = 0; i < 4; i++) Vector256.Create(value).Store(register + 8 * i);
    }

    static void CopyRegister(byte* from, byte* to)
    {
        for (int i = 0; i < 4; i++) Vector256.Load(from + 32 * i).Store(to + 32 * i);
    }

    /// <summary>Four words of each of four lanes at a time: a transposition of 4 by 4.</summary>
    static void LoadFours(Warp w, int* to, byte** at)
    {
        uint* d0 = w.Register<uint>(to[0]), d1 = w.Register<uint>(to[1]), d2 = w.Register<uint>(to[2]), d3 = w.Register<uint>(to[3]);
        for (int l = 0; l < Warp.Lanes; l += 4)
        {
            Transpose(Vector128.Load((uint*)at[l]), Vector128.Load((uint*)at[l + 1]), Vector128.Load((uint*)at[l + 2]), Vector128.Load((uint*)at[l + 3]),
                out Vector128<uint> a, out Vector128<uint> b, out Vector128<uint> c, out Vector128<uint> d);
            a.Store(d0 + l);
            b.Store(d1 + l);
            c.Store(d2 + l);
            d.Store(d3 + l);
        }
    }

    static void StoreFours(Warp w, int* from, byte** at)
    {
        uint* s0 = w.Register<uint>(from[0]), s1 = w.Register<uint>(from[1]), s2 = w.Register<uint>(from[2]), s3 = w.Register<uint>(from[3]);
        for (int l = 0; l < Warp.Lanes; l += 4)
        {
            Transpose(Vector128.Load(s0 + l), Vector128.Load(s1 + l), Vector128.Load(s2 + l), Vector128.Load(s3 + l),
                out Vector128<uint> a, out Vector128<uint> b, out Vector128<uint> c, out Vector128<uint> d);
            a.Store((uint*)at[l]);
            b.Store((uint*)at[l + 1]);
            c.Store((uint*)at[l + 2]);
            d.Store((uint*)at[l + 3]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Transpose(Vector128<uint> r0, Vector128<uint> r1, Vector128<uint> r2, Vector128<uint> r3,
        out Vector128<uint> a, out Vector128<uint> b, out Vector128<uint> c, out Vector128<uint> d)
    {
        // Pairs of rows by words, then pairs of those by pairs of words.
        Vector128<uint> low = Vector128.Shuffle(r0, Vector128.Create(0u, 0, 1, 1)), low1 = Vector128.Shuffle(r1, Vector128.Create(0u, 0, 1, 1));
        Vector128<uint> low2 = Vector128.Shuffle(r2, Vector128.Create(0u, 0, 1, 1)), low3 = Vector128.Shuffle(r3, Vector128.Create(0u, 0, 1, 1));
        Vector128<uint> high = Vector128.Shuffle(r0, Vector128.Create(2u, 2, 3, 3)), high1 = Vector128.Shuffle(r1, Vector128.Create(2u, 2, 3, 3));
        Vector128<uint> high2 = Vector128.Shuffle(r2, Vector128.Create(2u, 2, 3, 3)), high3 = Vector128.Shuffle(r3, Vector128.Create(2u, 2, 3, 3));
        Vector128<uint> odd = Vector128.Create(0u, uint.MaxValue, 0, uint.MaxValue);
        Vector128<ulong> first = Vector128.ConditionalSelect(odd, low1, low).AsUInt64(), second = Vector128.ConditionalSelect(odd, low3, low2).AsUInt64();
        Vector128<ulong> third = Vector128.ConditionalSelect(odd, high1, high).AsUInt64(), fourth = Vector128.ConditionalSelect(odd, high3, high2).AsUInt64();
        a = Vector128.Create(first.GetLower(), second.GetLower()).AsUInt32();
        b = Vector128.Create(first.GetUpper(), second.GetUpper()).AsUInt32();
        c = Vector128.Create(third.GetLower(), fourth.GetLower()).AsUInt32();
        d = Vector128.Create(third.GetUpper(), fourth.GetUpper()).AsUInt32();
    }
}
