using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MiniTorch;

/// <summary>A register of 512 bits. The three widths differ only in the register type, over which C# cannot abstract; keep them alike.</summary>
public readonly unsafe struct Lanes512<T>(Vector512<T> v) : ILanes<Lanes512<T>, T> where T : unmanaged
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    readonly Vector512<T> v = v;

    static bool Single { [MethodImpl(Inline)] get => typeof(T) == typeof(float); }

    /// <inheritdoc/>
    public static bool IsSingle { [MethodImpl(Inline)] get => Single; }
    /// <inheritdoc/>
    public static int Count { [MethodImpl(Inline)] get => Vector512<T>.Count; }
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> Of(double value) => new(Single ? Vector512.Create((float)value).As<float, T>() : Vector512.Create(value).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> All(T value) => new(Vector512.Create(value));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> Load(T* from) => new(Vector512.Load(from));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public void Store(T* to) => v.Store(to);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public void Stream(T* to) => v.StoreAlignedNonTemporal(to);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public T Sum() => Vector512.Sum(v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> operator +(Lanes512<T> a, Lanes512<T> b) => new(a.v + b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> operator -(Lanes512<T> a, Lanes512<T> b) => new(a.v - b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> operator *(Lanes512<T> a, Lanes512<T> b) => new(a.v * b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> operator /(Lanes512<T> a, Lanes512<T> b) => new(a.v / b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> operator -(Lanes512<T> a) => new(-a.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> MultiplyAdd(Lanes512<T> a, Lanes512<T> b, Lanes512<T> c) => new(Single
        ? Vector512.FusedMultiplyAdd(a.v.As<T, float>(), b.v.As<T, float>(), c.v.As<T, float>()).As<float, T>()
        : Vector512.FusedMultiplyAdd(a.v.As<T, double>(), b.v.As<T, double>(), c.v.As<T, double>()).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> Min(Lanes512<T> a, Lanes512<T> b) => new(Vector512.Min(a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> Max(Lanes512<T> a, Lanes512<T> b) => new(Vector512.Max(a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> AtLeast(Lanes512<T> a, Lanes512<T> bound) => new(Vector512.MaxNative(bound.v, a.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> AtMost(Lanes512<T> a, Lanes512<T> bound) => new(Vector512.MinNative(bound.v, a.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> Abs(Lanes512<T> a) => new(Vector512.Abs(a.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> Sqrt(Lanes512<T> a) => new(Vector512.Sqrt(a.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> Floor(Lanes512<T> a) => new(Single
        ? Vector512.Floor(a.v.As<T, float>()).As<float, T>() : Vector512.Floor(a.v.As<T, double>()).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> Round(Lanes512<T> a) => new(Single
        ? Vector512.Round(a.v.As<T, float>()).As<float, T>() : Vector512.Round(a.v.As<T, double>()).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> Exp(Lanes512<T> a) => Single ? Elementary.Exp(a) : new(Vector512.Exp(a.v.As<T, double>()).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> Log(Lanes512<T> a) => Single ? Elementary.Log(a) : new(Vector512.Log(a.v.As<T, double>()).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> Erf(Lanes512<T> a) => Single ? Elementary.Erf(a) : Elementary.EachErf<Lanes512<T>, T>(a);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> Tanh(Lanes512<T> a) => Single ? Elementary.Tanh(a) : Elementary.EachTanh<Lanes512<T>, T>(a);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> Greater(Lanes512<T> a, Lanes512<T> b) => new(Vector512.GreaterThan(a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> Equal(Lanes512<T> a, Lanes512<T> b) => new(Vector512.Equals(a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> Select(Lanes512<T> mask, Lanes512<T> a, Lanes512<T> b) => new(Vector512.ConditionalSelect(mask.v, a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> PowerOfTwo(Lanes512<T> n) => new(Single
        ? (Vector512.ConvertToInt32Native(n.v.As<T, float>()) + Vector512.Create(127) << 23).As<int, T>()
        : (Vector512.ConvertToInt64Native(n.v.As<T, double>()) + Vector512.Create(1023L) << 52).As<long, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> Exponent(Lanes512<T> a) => new(Single
        ? Vector512.ConvertToSingle((a.v.As<T, int>() >>> 23) - Vector512.Create(126)).As<float, T>()
        : Vector512.ConvertToDouble((a.v.As<T, long>() >>> 52) - Vector512.Create(1022L)).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes512<T> Mantissa(Lanes512<T> a) => new(Single
        ? (a.v.As<T, int>() & Vector512.Create(0x7FFFFF) | Vector512.Create(0x3F000000)).As<int, T>()
        : (a.v.As<T, long>() & Vector512.Create(0xFFFFFFFFFFFFFL) | Vector512.Create(0x3FE0000000000000L)).As<long, T>());
}
