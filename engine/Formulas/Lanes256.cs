using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MiniTorch;

/// <summary>A register of 256 bits. The three widths differ only in the register type, over which C# cannot abstract; keep them alike.</summary>
public readonly unsafe struct Lanes256<T>(Vector256<T> v) : ILanes<Lanes256<T>, T> where T : unmanaged
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    readonly Vector256<T> v = v;

    static bool Single { [MethodImpl(Inline)] get => typeof(T) == typeof(float); }

    /// <inheritdoc/>
    public static bool IsSingle { [MethodImpl(Inline)] get => Single; }
    /// <inheritdoc/>
    public static int Count { [MethodImpl(Inline)] get => Vector256<T>.Count; }
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> Of(double value) => new(Single ? Vector256.Create((float)value).As<float, T>() : Vector256.Create(value).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> All(T value) => new(Vector256.Create(value));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> Load(T* from) => new(Vector256.Load(from));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public void Store(T* to) => v.Store(to);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public void Stream(T* to) => v.StoreAlignedNonTemporal(to);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public T Sum() => Vector256.Sum(v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> operator +(Lanes256<T> a, Lanes256<T> b) => new(a.v + b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> operator -(Lanes256<T> a, Lanes256<T> b) => new(a.v - b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> operator *(Lanes256<T> a, Lanes256<T> b) => new(a.v * b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> operator /(Lanes256<T> a, Lanes256<T> b) => new(a.v / b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> operator -(Lanes256<T> a) => new(-a.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> MultiplyAdd(Lanes256<T> a, Lanes256<T> b, Lanes256<T> c) => new(Single
        ? Vector256.FusedMultiplyAdd(a.v.As<T, float>(), b.v.As<T, float>(), c.v.As<T, float>()).As<float, T>()
        : Vector256.FusedMultiplyAdd(a.v.As<T, double>(), b.v.As<T, double>(), c.v.As<T, double>()).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> Min(Lanes256<T> a, Lanes256<T> b) => new(Vector256.Min(a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> Max(Lanes256<T> a, Lanes256<T> b) => new(Vector256.Max(a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> AtLeast(Lanes256<T> a, Lanes256<T> bound) => new(Vector256.MaxNative(bound.v, a.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> AtMost(Lanes256<T> a, Lanes256<T> bound) => new(Vector256.MinNative(bound.v, a.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> Abs(Lanes256<T> a) => new(Vector256.Abs(a.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> Sqrt(Lanes256<T> a) => new(Vector256.Sqrt(a.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> Floor(Lanes256<T> a) => new(Single
        ? Vector256.Floor(a.v.As<T, float>()).As<float, T>() : Vector256.Floor(a.v.As<T, double>()).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> Round(Lanes256<T> a) => new(Single
        ? Vector256.Round(a.v.As<T, float>()).As<float, T>() : Vector256.Round(a.v.As<T, double>()).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> Exp(Lanes256<T> a) => Single ? Elementary.Exp(a) : new(Vector256.Exp(a.v.As<T, double>()).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> Log(Lanes256<T> a) => Single ? Elementary.Log(a) : new(Vector256.Log(a.v.As<T, double>()).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> Erf(Lanes256<T> a) => Single ? Elementary.Erf(a) : Elementary.EachErf<Lanes256<T>, T>(a);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> Tanh(Lanes256<T> a) => Single ? Elementary.Tanh(a) : Elementary.EachTanh<Lanes256<T>, T>(a);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> Greater(Lanes256<T> a, Lanes256<T> b) => new(Vector256.GreaterThan(a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> Equal(Lanes256<T> a, Lanes256<T> b) => new(Vector256.Equals(a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> Select(Lanes256<T> mask, Lanes256<T> a, Lanes256<T> b) => new(Vector256.ConditionalSelect(mask.v, a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> PowerOfTwo(Lanes256<T> n) => new(Single
        ? (Vector256.ConvertToInt32Native(n.v.As<T, float>()) + Vector256.Create(127) << 23).As<int, T>()
        : (Vector256.ConvertToInt64Native(n.v.As<T, double>()) + Vector256.Create(1023L) << 52).As<long, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> Exponent(Lanes256<T> a) => new(Single
        ? Vector256.ConvertToSingle((a.v.As<T, int>() >>> 23) - Vector256.Create(126)).As<float, T>()
        : Vector256.ConvertToDouble((a.v.As<T, long>() >>> 52) - Vector256.Create(1022L)).As<double, T>());
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static Lanes256<T> Mantissa(Lanes256<T> a) => new(Single
        ? (a.v.As<T, int>() & Vector256.Create(0x7FFFFF) | Vector256.Create(0x3F000000)).As<int, T>()
        : (a.v.As<T, long>() & Vector256.Create(0xFFFFFFFFFFFFFL) | Vector256.Create(0x3FE0000000000000L)).As<long, T>());
}
