using System.Globalization;
using MiniTorch.Cuda;

namespace MiniTorch.Tests.Cuda;

/// <summary>
/// The GPU that tests of the category gpu run on: an emulated one of its own for each test, unless the environment variable MINITORCH_TEST_DEVICE says cuda or cuda:N. A real one is opened once, since
/// opening it and compiling for it take longer than most tests, and lent to one test at a time. It takes the forms of kernels that the fixed table says, which are those that tests name.
/// </summary>
sealed class TestedGpu : IDisposable
{
    internal const string Category = "gpu", Variable = "MINITORCH_TEST_DEVICE";

    static readonly int? ordinal = Asked(Environment.GetEnvironmentVariable(Variable));
    static readonly Lock turn = new();
    static readonly CudaDevice?[] real = new CudaDevice?[2];        // without libraries, and with them

    TestedGpu(CudaDevice device) => Device = device;

    /// <summary>True if the tests run on hardware.</summary>
    internal static bool IsReal => ordinal is not null;

    internal CudaDevice Device { get; }

    /// <summary>Without libraries, matrix products and convolutions run on kernels of MiniTorch. An emulated GPU counts for whoever gives its driver.</summary>
    internal static TestedGpu Open(bool libraries = true, EmulatedDriver? counting = null)
    {
        if (ordinal is not int number) return new(CudaDevice.Emulated(counting ?? new(), libraries));
        turn.Enter();
        try
        {
            CudaDevice device = real[libraries ? 1 : 0] ??= libraries ? CudaDevice.Open(number) : new(new NativeDriver(number), static _ => null, static _ => null);
            device.Deterministic = true;
            return new(device);
        }
        catch
        {
            turn.Exit();
            throw;
        }
    }

    /// <summary>The real GPU, or the stubs' where the tests do not run on hardware.</summary>
    internal static TestedGpu OpenNative(StubDriver stub)
    {
        if (IsReal) return Open();
        stub.Begin();
        return new(CudaDevice.Open());
    }

    public static implicit operator Device(TestedGpu gpu) => gpu.Device;

    /// <summary>Faults of a real GPU are told when it is waited for: by the test that made them.</summary>
    public void Dispose()
    {
        if (!IsReal)
        {
            Device.Dispose();
            return;
        }
        try
        {
            Device.Synchronize();
        }
        finally
        {
            turn.Exit();
        }
    }

    static int? Asked(string? name) => name switch
    {
        null or "" or "cuda:emulated" => null,
        "cuda" => 0,
        _ when name.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(name.AsSpan(5), NumberStyles.None, null, out int number) => number,
        _ => throw new InvalidOperationException($"{Variable} is '{name}'; use cuda, cuda:N or cuda:emulated"),
    };
}
