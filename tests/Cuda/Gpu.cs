using System.Globalization;
using MiniTorch.Cuda;

namespace MiniTorch.Tests.Cuda;

/// <summary>
/// The GPU under test: the emulated one, or, where the variable MINITORCH_TEST_GPU says cuda or cuda:N, that GPU of this machine. Tests of the trait run on both; what counts
/// instructions or provokes faults stays on the emulator.
/// </summary>
static class Gpu
{
    internal const string Variable = "MINITORCH_TEST_GPU", Trait = "gpu", Yes = "yes";

    static readonly int? ordinal = Environment.GetEnvironmentVariable(Variable) switch
    {
        null or "" => null,
        "cuda" => 0,
        string name when name.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(name.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out int n) => n,
        string other => throw new InvalidOperationException($"{Variable} is '{other}'; use cuda, cuda:N, or unset it"),
    };

    /// <summary>Keeps the GPU's context alive from test to test; making one anew takes longer than most of them.</summary>
    static readonly NativeDriver? kept = ordinal is { } n ? new(n) : null;

    /// <summary>True if tests run on a GPU of this machine.</summary>
    internal static bool IsReal => kept is not null;

    /// <summary>A device on the GPU under test.</summary>
    internal static CudaDevice Open(bool libraries = true) => ordinal is not { } n ? CudaDevice.Emulated(libraries)
        : libraries ? CudaDevice.Open(n) : new(new NativeDriver(n), static _ => null, static _ => null);

    /// <summary>Opens the real GPU, or skips the test.</summary>
    internal static CudaDevice OpenReal()
    {
        Assert.SkipUnless(IsReal, $"needs a GPU: set {Variable} to cuda");
        return Open();
    }
}
