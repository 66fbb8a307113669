namespace MiniTorch;

/// <summary>An address in a kernel's argument struct. Converting a tensor checks that it is alive; the struct stays blittable.</summary>
public readonly unsafe record struct Pointer
{
    internal readonly nint Address;

    Pointer(nint address) => Address = address;

    /// <summary>Memory that no tensor holds: scratch, or a place inside a tensor.</summary>
    internal static Pointer At(void* address) => new((nint)address);

    /// <summary>The address as a typed pointer.</summary>
    public T* As<T>() where T : unmanaged => (T*)Address;

    /// <summary>True where an optional tensor was not given.</summary>
    public bool IsNull => Address == 0;

    /// <summary>Address of a live tensor; null for null, so that optional tensors travel as such.</summary>
    public static implicit operator Pointer(Tensor? x) => new(x is null ? 0 : x.Address);

    /// <summary>Address of a saved tensor, checked to be unmodified; null for null.</summary>
    public static implicit operator Pointer(Saved? x) => x is null ? default : x.Value.Value;

    /// <summary>Address of a saved tensor, checked to be unmodified.</summary>
    public static implicit operator Pointer(Saved x) => x.Value;
}
