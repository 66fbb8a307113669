using System.Runtime.InteropServices;

namespace MiniTorch.Cuda;

/// <summary>
/// NVIDIA's libraries, searched for when they are first needed. Always by versioned name: a bare libcuda.so may be the toolkit's stub, which only links. A loaded
/// library stays for the life of the process, as others may have found it by name.
/// </summary>
static class CudaLibraries
{
    /// <summary>Environment variable with the folders that are searched first.</summary>
    internal const string Variable = "MINITORCH_CUDA_PATH";

    /// <summary>The driver, without which there is no GPU.</summary>
    internal static LibrarySearch Driver { get; } = new(["libcuda.so.1"], ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/local/nvidia/lib64", "/usr/lib/wsl/lib"], []);

    /// <summary>Matrix products.</summary>
    internal static LibrarySearch Blas { get; } = new(["libcublas.so.13", "libcublas.so.12"], null, [["libcublasLt.so.13", "libcublasLt.so.12"]]);

    /// <summary>Matrix products that end with more than a store.</summary>
    internal static LibrarySearch BlasLt { get; } = new(["libcublasLt.so.13", "libcublasLt.so.12"], null, []);

    /// <summary>Convolutions. It opens its parts and the runtime compiler by name, so these must be the ones beside it.</summary>
    internal static LibrarySearch Dnn { get; } = new(["libcudnn.so.9"], null,
        [["libcudart.so.13", "libcudart.so.12"], ["libnvrtc.so.13", "libnvrtc.so.12"], ["libcublasLt.so.13", "libcublasLt.so.12"]]);

    static CudaLibraries() => NativeLibrary.SetDllImportResolver(typeof(CudaLibraries).Assembly, static (name, _, _) => name switch
    {
        LibCuda.Name => Driver.Handle,
        LibCublas.Name => Blas.Handle,
        LibCublasLt.Name => BlasLt.Handle,
        LibCudnn.Name => Dnn.Handle,
        _ => 0,
    });
}

/// <summary>A file that was tried: its path, and what came of it.</summary>
sealed record LibraryAttempt(string Path, string Result);

/// <summary>The search for one library: its names from newest to oldest, folders of its own or null for those of CUDA, and what must be loaded before it.</summary>
sealed class LibrarySearch(string[] names, string[]? folders, string[][] before)
{
    readonly Lock gate = new();
    readonly List<LibraryAttempt> attempts = [];
    bool done;
    nint handle;

    /// <summary>The name that is looked for first.</summary>
    internal string Name => names[0];

    /// <summary>True if the library is there.</summary>
    internal bool Found
    {
        get
        {
            Search();
            return handle != 0;
        }
    }

    /// <summary>What was tried, in order; the last one is the library if it was found.</summary>
    internal IReadOnlyList<LibraryAttempt> Attempts
    {
        get
        {
            Search();
            return attempts;
        }
    }

    /// <summary>The loaded library; an error where there is none, since the runtime would go on to look for a bare name.</summary>
    internal nint Handle => Found ? handle : throw new DllNotFoundException($"{Name} was not found; dcls doctor shows where it was searched");

    void Search()
    {
        lock (gate)
        {
            if (done) return;
            done = true;
            foreach (string[] needed in before) _ = First(needed);
            handle = First(names);
        }
    }

    /// <summary>The folders that the environment names, then the loader's own search, then the usual folders; in each place the newest name first.</summary>
    nint First(string[] wanted)
    {
        foreach (string folder in LibraryFolders.Asked())
            if (InFolder(folder, wanted) is nint asked and not 0) return asked;
        foreach (string name in wanted)
            if (Try(name) is nint bare and not 0) return bare;
        foreach (string folder in folders ?? LibraryFolders.Usual)
            if (InFolder(folder, wanted) is nint usual and not 0) return usual;
        return 0;
    }

    nint InFolder(string folder, string[] wanted)
    {
        foreach (string name in wanted)
        {
            string path = Path.Combine(folder, name);
            if (!File.Exists(path)) attempts.Add(new(path, "no such file"));
            else if (Try(path) is nint loaded and not 0) return loaded;
        }
        return 0;
    }

    nint Try(string path)
    {
        try
        {
            nint loaded = NativeLibrary.Load(path);
            attempts.Add(new(path, "loaded"));
            return loaded;
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            attempts.Add(new(path, Path.IsPathRooted(path) ? $"does not load: {FirstLine(e.Message)}" : "not found by the loader"));
            return 0;
        }
    }

    static string FirstLine(string text) => text.Split('\n', 2)[0].Trim();
}
