using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MiniTorch;

/// <summary>A register of 128 bits. The three widths differ only in the register type, over which C# cannot abstract; keep them alike.</summary>
public readonly unsafe struct Lanes128<T>(Vector128<T> v) : ILanes<Lanes128<T>, T> where T : unmanaged
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    readonly Vector128<T> v = v;

    static bool Single { [MethodImpl(Inline)] get => typeof(T) == typeof(float); }

    /// <inheritdoc/>
    public static bool IsSingle { [MethodImpl(Inline)] get => Single; }
    /// <inheritdoc/>
    public static int Count { [MethodImpl(Inline)] get => Vector128<T>.Count; }
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> Of(double value) => new(Single ? Vector128.Create((float)value).As<float, T>() : Vector128.Create(value).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> All(T value) => new(Vector128.Create(value));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> Load(T* from) => new(Vector128.Load(from));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public void Store(T* to) => v.Store(to);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public void Stream(T* to) => v.StoreAlignedNonTemporal(to);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public T Sum() => Vector128.Sum(v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> operator +(Lanes128<T> a, Lanes128<T> b) => new(a.v + b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> operator -(Lanes128<T> a, Lanes128<T> b) => new(a.v - b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> operator *(Lanes128<T> a, Lanes128<T> b) => new(a.v * b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> operator /(Lanes128<T> a, Lanes128<T> b) => new(a.v / b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> operator -(Lanes128<T> a) => new(-a.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> MultiplyAdd(Lanes128<T> a, Lanes128<T> b, Lanes128<T> c) => new(Single
        ? Vector128.FusedMultiplyAdd(a.v.As<T, float>(), b.v.As<T, float>(), c.v.As<T, float>()).As<float, T>()
        : Vector128.FusedMultiplyAdd(a.v.As<T, double>(), b.v.As<T, double>(), c.v.As<T, double>()).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> Min(Lanes128<T> a, Lanes128<T> b) => new(Vector128.Min(a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> Max(Lanes128<T> a, Lanes128<T> b) => new(Vector128.Max(a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> AtLeast(Lanes128<T> a, Lanes128<T> bound) => new(Vector128.MaxNative(bound.v, a.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> AtMost(Lanes128<T> a, Lanes128<T> bound) => new(Vector128.MinNative(bound.v, a.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> Abs(Lanes128<T> a) => new(Vector128.Abs(a.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> Sqrt(Lanes128<T> a) => new(Vector128.Sqrt(a.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> Floor(Lanes128<T> a) => new(Single
        ? Vector128.Floor(a.v.As<T, float>()).As<float, T>() : Vector128.Floor(a.v.As<T, double>()).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> Round(Lanes128<T> a) => new(Single
        ? Vector128.Round(a.v.As<T, float>()).As<float, T>() : Vector128.Round(a.v.As<T, double>()).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> Exp(Lanes128<T> a) => Single ? Elementary.Exp(a) : new(Vector128.Exp(a.v.As<T, double>()).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> Log(Lanes128<T> a) => Single ? Elementary.Log(a) : new(Vector128.Log(a.v.As<T, double>()).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> Erf(Lanes128<T> a) => Single ? Elementary.Erf(a) : Elementary.EachErf<Lanes128<T>, T>(a);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> Tanh(Lanes128<T> a) => Single ? Elementary.Tanh(a) : Elementary.EachTanh<Lanes128<T>, T>(a);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> Greater(Lanes128<T> a, Lanes128<T> b) => new(Vector128.GreaterThan(a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> Equal(Lanes128<T> a, Lanes128<T> b) => new(Vector128.Equals(a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> Select(Lanes128<T> mask, Lanes128<T> a, Lanes128<T> b) => new(Vector128.ConditionalSelect(mask.v, a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> PowerOfTwo(Lanes128<T> n) => new(Single
        ? (Vector128.ConvertToInt32Native(n.v.As<T, float>()) + Vector128.Create(127) << 23).As<int, T>()
        : (Vector128.ConvertToInt64Native(n.v.As<T, double>()) + Vector128.Create(1023L) << 52).As<long, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> Exponent(Lanes128<T> a) => new(Single
        ? Vector128.ConvertToSingle((a.v.As<T, int>() >>> 23) - Vector128.Create(126)).As<float, T>()
        : Vector128.ConvertToDouble((a.v.As<T, long>() >>> 52) - Vector128.Create(1022L)).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes128<T> Mantissa(Lanes128<T> a) => new(Single
        ? (a.v.As<T, int>() & Vector128.Create(0x7FFFFF) | Vector128.Create(0x3F000000)).As<int, T>()
        : (a.v.As<T, long>() & Vector128.Create(0xFFFFFFFFFFFFFL) | Vector128.Create(0x3FE0000000000000L)).As<long, T>());
}
