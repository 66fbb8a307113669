namespace MiniTorch;

/// <summary>Element type of a tensor.</summary>
public enum DType
{
    /// <summary>IEEE single precision: the working type on the CPU.</summary>
    Float32,

    /// <summary>IEEE double precision: the oracle's type, used by gradient checks.</summary>
    Float64,

    /// <summary>32-bit integers: labels, indices, counters. Never differentiated.</summary>
    Int32,

    /// <summary>The upper half of a float32 (<see cref="MiniTorch.BFloat16"/>): activations and weights of mixed precision on a GPU. A CPU stores and casts it, and computes nothing in it.</summary>
    BFloat16,
}

/// <summary>Facts about element types.</summary>
public static class DTypes
{
    /// <summary>Bytes per element.</summary>
    public static int Size(this DType type) => type switch { DType.Float64 => 8, DType.BFloat16 => 2, _ => 4 };

    /// <summary>True for types that carry gradients.</summary>
    public static bool IsReal(this DType type) => type != DType.Int32;

    /// <summary>Short name as it appears in messages: f32, f64, i32, bf16.</summary>
    public static string Short(this DType type) => type switch { DType.Float32 => "f32", DType.Float64 => "f64", DType.BFloat16 => "bf16", _ => "i32" };

    /// <summary>The type of sums and statistics over elements of this type: float32 for bf16, else the type itself.</summary>
    public static DType Wide(this DType type) => type == DType.BFloat16 ? DType.Float32 : type;

    /// <summary>The type under which kernels that only move bytes are launched: integers travel as the float of their size.</summary>
    public static DType Carrier(this DType type) => type == DType.Int32 ? DType.Float32 : type;

    /// <summary>The element type of a managed type; an error for any other than float, double, int and BFloat16.</summary>
    public static DType Of<T>() where T : unmanaged
        => typeof(T) == typeof(float) ? DType.Float32 : typeof(T) == typeof(double) ? DType.Float64 : typeof(T) == typeof(int) ? DType.Int32
            : typeof(T) == typeof(BFloat16) ? DType.BFloat16 : throw new TensorException($"a tensor holds float, double, int or BFloat16, not {typeof(T).Name}");
}
