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
}

/// <summary>Facts about element types.</summary>
public static class DTypes
{
    /// <summary>Bytes per element.</summary>
    public static int Size(this DType type) => type == DType.Float64 ? 8 : 4;

    /// <summary>True for types that carry gradients.</summary>
    public static bool IsReal(this DType type) => type != DType.Int32;

    /// <summary>Short name as it appears in messages: f32, f64, i32.</summary>
    public static string Short(this DType type) => type switch { DType.Float32 => "f32", DType.Float64 => "f64", _ => "i32" };

    /// <summary>The type under which kernels that only move bytes are launched: integers travel as the float of their size.</summary>
    public static DType Carrier(this DType type) => type == DType.Int32 ? DType.Float32 : type;

    /// <summary>The element type of a managed type; an error for any other than float, double and int.</summary>
    public static DType Of<T>() where T : unmanaged
        => typeof(T) == typeof(float) ? DType.Float32 : typeof(T) == typeof(double) ? DType.Float64 : typeof(T) == typeof(int) ? DType.Int32
            : throw new TensorException($"a tensor holds float, double or int, not {typeof(T).Name}");
}
