using System.Runtime.InteropServices;

namespace MiniTorch.Cuda;

/// <summary>32-bit floats by which the processor serves a library's call: the emulated memory itself, or a copy, which goes with <c>using</c>.</summary>
readonly unsafe struct ServedNumbers(Pointer at, bool copied) : IDisposable
{
    internal Pointer At => at;

    /// <summary>Memory for so many.</summary>
    internal static ServedNumbers Take(long count) => new(Pointer.At(NativeMemory.Alloc((nuint)Math.Max(1, count), sizeof(float))), true);

    public void Dispose()
    {
        if (copied) NativeMemory.Free(at.As<byte>());
    }
}
