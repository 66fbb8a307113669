using MiniTorch.Cuda;

namespace MiniTorch;

/// <summary>A call of the CUDA driver or of one of its libraries that failed: which one, its status in the driver's words, and for a launch the kernel, grid and block.</summary>
public sealed class CudaException : Exception
{
    internal const int NotReady = 600;
    const int OutOfMemory = 2;

    internal CudaException(string function, int code, string status, string text) : base($"{function}: {status} ({code}), {text}") => (Function, Code) = (function, code);

    internal CudaException(string function, int code, string status, string text, string kernel, Dim3 grid, Dim3 block, int dynamicShared)
        : base($"{function}: {status} ({code}), {text}; kernel {kernel}, grid {grid}, block {block}, {dynamicShared} bytes of dynamic shared memory")
        => (Function, Code, Kernel) = (function, code, kernel);

    /// <summary>What the driver has no status for.</summary>
    internal CudaException(string function, string message) : base(message) => Function = function;

    internal CudaException(string message, CudaException inner) : base(message, inner) => (Function, Code, Kernel) = (inner.Function, inner.Code, inner.Kernel);

    /// <summary>The failed function: cuLaunchKernel.</summary>
    public string Function { get; }

    /// <summary>Its status; 0 where it has none.</summary>
    public int Code { get; }

    /// <summary>True if the GPU's memory did not suffice; the device can still be used.</summary>
    public bool IsOutOfMemory => Code == OutOfMemory;

    /// <summary>The kernel, where the call was a launch.</summary>
    public string? Kernel { get; }
}
