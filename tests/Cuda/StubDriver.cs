using System.Diagnostics;
using System.Runtime.InteropServices;
using MiniTorch.Cuda;

namespace MiniTorch.Tests.Cuda;

/// <summary>
/// Stands in for NVIDIA's libraries: C files compiled here and found by the search like the real ones. Device memory lies at addresses that are no host pointers;
/// kernels are noted, not run.
/// </summary>
public sealed unsafe class StubDriver : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("minitorch-stub-").FullName;
    readonly nint library;
    readonly string? missing;

    public StubDriver()
    {
        string? compiler = new[] { "/usr/bin/clang-19", "/usr/bin/cc" }.FirstOrDefault(File.Exists);
        if (TestedGpu.IsReal) missing = "this machine's GPU is under test, and the stub would hide it";
        else if (compiler is null) missing = "there is no C compiler; install the package clang-19";
        else
        {
            foreach ((string source, string name) in new[] { ("cuda", "libcuda.so.1"), ("cublas", "libcublas.so.13"), ("cublaslt", "libcublasLt.so.13"), ("cudnn", "libcudnn.so.9") })
                Compile(compiler, Path.Combine(Repository.Root, "tests/Cuda/stub", source + ".c"), Path.Combine(folder, name));
            Environment.SetEnvironmentVariable(CudaLibraries.Variable, folder);
            Environment.SetEnvironmentVariable("XDG_CACHE_HOME", Path.Combine(folder, "cache"));           // what is measured on it is no matter of the user's
            if (!CudaLibraries.Driver.Found || CudaLibraries.Driver.Attempts[^1].Path != Path.Combine(folder, "libcuda.so.1")) missing = "another libcuda was loaded before the stub";
            else library = CudaLibraries.Driver.Handle;
        }
    }

    /// <summary>Skips the test where there is no stub; otherwise forgets what was noted.</summary>
    internal void Begin()
    {
        if (missing is not null) Assert.Skip(missing);
        ((delegate* unmanaged<void>)NativeLibrary.GetExport(library, "stub_clear"))();
        Memory = 1 << 28;
    }

    /// <summary>Where the libraries lie.</summary>
    internal string Folder => folder;

    /// <summary>What the driver was asked for, a line each; what it refused names the condition that did not hold.</summary>
    internal string[] Log => Marshal.PtrToStringUTF8(((delegate* unmanaged<nint>)NativeLibrary.GetExport(library, "stub_log"))())!.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Bytes of the GPU.</summary>
    internal long Memory
    {
        set => ((delegate* unmanaged<nuint, void>)NativeLibrary.GetExport(library, "stub_memory"))((nuint)value);
    }

    /// <summary>Bytes taken from the GPU.</summary>
    internal long InUse => (long)((delegate* unmanaged<nuint>)NativeLibrary.GetExport(library, "stub_in_use"))();

    /// <summary>The next call of a function fails with a status.</summary>
    internal void Fail(string function, int status)
    {
        fixed (byte* name = System.Text.Encoding.UTF8.GetBytes(function + '\0'))
            ((delegate* unmanaged<byte*, int, void>)NativeLibrary.GetExport(library, "stub_fail"))(name, status);
    }

    static void Compile(string compiler, string source, string library)
    {
        using Process process = Process.Start(new ProcessStartInfo(compiler, ["-O1", "-shared", "-fPIC", "-o", library, source, "-lm"]) { RedirectStandardError = true })!;
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException(errors);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);
}

/// <summary>Tests that share the one driver of the process, one at a time.</summary>
[CollectionDefinition(Name)]
public sealed class StubTests : ICollectionFixture<StubDriver>
{
    internal const string Name = "libcuda";
}
