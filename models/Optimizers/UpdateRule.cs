using System.Runtime.CompilerServices;

namespace MiniTorch.Models;

/// <summary>The numbers of an update formula, each in every lane.</summary>
[InlineArray(Count)]
struct Coefficients<V>
{
    internal const int Count = 8;
    V first;
}

/// <summary>
/// One update of an optimizer, element by element: the new parameter from the old one, its gradient and up to three states, which it also moves on.
/// A state that the optimizer does not keep reads as 0 and is not written.
/// </summary>
interface IUpdateRule
{
    static abstract V Next<V>(V p, V g, ref V a, ref V b, ref V c, in Coefficients<V> k) where V : struct, IReal<V>;
}

/// <summary>What an update reads and writes of a parameter. Coefficients lie in device memory, as the gradient's scale does: what a captured graph replays must not hold them.</summary>
readonly record struct UpdateMember(Pointer P, Pointer G, Pointer A, Pointer B, Pointer C, Pointer Coefficients, int Count) : IMember;

/// <summary>An update of many parameters, with so many states each; a place behind those is only written.</summary>
readonly record struct UpdateArgs(Members<UpdateMember> Members, int States, Pointer Scale) : ICost
{
    /// <summary>The gradient is read, the parameter and its states are read and written.</summary>
    public Cost Cost(int size) => new(0, (3.0 + 2 * States) * size * Members.Elements, Members.Count);
}

/// <summary>One fused pass over parameters, their gradients and their states.</summary>
unsafe struct UpdateBody<TRule> : ICpuKernel<UpdateArgs> where TRule : struct, IUpdateRule
{
    public static void Run<T, V>(CpuDevice device, in UpdateArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        => device.Workers.For(args.Members.Blocks, args, &Block<T, V>);

    static void Block<T, V>(in UpdateArgs args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        ref readonly UpdateMember member = ref args.Members.Find(block, out int i, out int end);
        T* p = member.P.As<T>(), g = member.G.As<T>(), a = member.A.As<T>(), b = member.B.As<T>(), c = member.C.As<T>();
        V scale = V.Of(*args.Scale.As<double>());
        Coefficients<V> k = default;
        for (int j = 0; j < Coefficients<V>.Count; j++) k[j] = V.Of(member.Coefficients.As<double>()[j]);
        for (; i <= end - V.Count; i += V.Count) Move(p, g, a, b, c, i, V.Count, scale, k);
        if (i < end) Move(p, g, a, b, c, i, end - i, scale, k);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Move<T, V>(T* p, T* g, T* a, T* b, T* c, int i, int n, V scale, in Coefficients<V> k) where T : unmanaged where V : struct, ILanes<V, T>
    {
        V sa = Load<T, V>(a, i, n), sb = Load<T, V>(b, i, n), sc = Load<T, V>(c, i, n);
        V next = TRule.Next(Load<T, V>(p, i, n), Load<T, V>(g, i, n) * scale, ref sa, ref sb, ref sc, k);
        Store(next, p, i, n);
        Store(sa, a, i, n);
        Store(sb, b, i, n);
        Store(sc, c, i, n);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Load<T, V>(T* x, int i, int n) where T : unmanaged where V : struct, ILanes<V, T>
        => x is null ? V.Of(0) : n == V.Count ? V.Load(x + i) : Lanes.LoadPartial<V, T>(x + i, n);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store<T, V>(V value, T* x, int i, int n) where T : unmanaged where V : struct, ILanes<V, T>
    {
        if (x is null) return;
        if (n == V.Count) value.Store(x + i);
        else Lanes.StorePartial(value, x + i, n);
    }
}
