using System.Runtime.CompilerServices;

namespace MiniTorch.Cuda.Emulation;

/// <summary>Conversions to bf16, which is the upper half of a float, and to tf32, which keeps ten bits of the fraction.</summary>
internal static unsafe class BrainFloats
{
    /// <summary>The nearest bf16, to even in the middle; 7FFF for what is no number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Round(uint a) => (a & 0x7FFFFFFF) > 0x7F800000 ? 0x7FFF : BFloat16.Round(a);

    /// <summary>The first source goes to the upper half.</summary>
    internal static void Two<TRound>(Warp w, Operation* o, uint mask) where TRound : IEach<uint, uint>
    {
        uint* d = w.Register<uint>(o->D), a = w.Register<uint>(o->A), b = w.Register<uint>(o->B);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int l = BitOperations.TrailingZeroCount(rest);
            d[l] = TRound.Of(a[l]) << 16 | TRound.Of(b[l]);
        }
    }
}

/// <summary>To the nearest bf16.</summary>
internal readonly struct ToBrain : IEach<uint, uint>
{
    public static uint Of(uint a) => BrainFloats.Round(a);
}

/// <summary>To the bf16 towards 0.</summary>
internal readonly struct ToBrainTruncated : IEach<uint, uint>
{
    public static uint Of(uint a) => (a & 0x7FFFFFFF) > 0x7F800000 ? 0x7FFF : a >> 16;
}

/// <summary>To the nearest bf16, of which negative ones become 0.</summary>
internal readonly struct ToBrainPositive : IEach<uint, uint>
{
    public static uint Of(uint a)
    {
        uint rounded = BrainFloats.Round(a);
        return (rounded & 0x8000) != 0 ? 0 : rounded;
    }
}

/// <summary>To the nearest tf32, away from 0 in the middle.</summary>
internal readonly struct ToTensorFloat : IEach<uint, uint>
{
    public static uint Of(uint a) => (a & 0x7FFFFFFF) > 0x7F800000 ? 0x7FFFFFFF : (a & 0x7FFFFFFF) == 0x7F800000 ? a : a + 0x1000 & 0xFFFFE000;
}
