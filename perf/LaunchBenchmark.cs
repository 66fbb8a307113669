using System.Diagnostics;
using BenchmarkDotNet.Attributes;
using MiniTorch.Cuda;
using MiniTorch.Tests.Cases;

namespace MiniTorch.Perf;

/// <summary>
/// What the host pays for a launch, from the op's kernel through the device and the binding into a libcuda that checks its arguments and does nothing: the driver's own time is not in it.
/// Products run without cuBLAS.
/// </summary>
[MemoryDiagnoser]
public class LaunchBenchmark
{
    readonly string folder = Directory.CreateTempSubdirectory("minitorch-stub-").FullName;
    CudaDevice device = null!;
    Launches launches = null!;
    Action launch = null!;

    /// <summary>A kind of launch; "formula with constants" are two launches, "product in slices" as well.</summary>
    [ParamsSource(nameof(Kinds))]
    public string Kind { get; set; } = "";

    /// <summary>All kinds.</summary>
    public static IEnumerable<string> Kinds => Launches.Names;

    /// <summary>Compiles the driver and opens it.</summary>
    [GlobalSetup]
    public void Setup()
    {
        string[] arguments = ["-O2", "-DSILENT", "-shared", "-fPIC", "-o", Path.Combine(folder, "libcuda.so.1"), Path.Combine(History.Root(), "tests", "Cuda", "stub", "cuda.c")];
        using (Process compiler = Process.Start("clang-19", arguments)) compiler.WaitForExit();
        Environment.SetEnvironmentVariable(CudaLibraries.Variable, folder);
        (device, launches) = Open();
        launch = launches[Kind];
    }

    /// <summary>Frees them.</summary>
    [GlobalCleanup]
    public void Cleanup()
    {
        launches.Dispose();
        device.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    static (CudaDevice, Launches) Open()
    {
        CudaDevice opened = new(new NativeDriver(0), static _ => null, static _ => null);
        return (opened, new(opened));
    }

    /// <summary>One of the kind.</summary>
    [Benchmark]
    public void Launch() => launch();
}
