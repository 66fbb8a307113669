using System.Diagnostics;
using System.Globalization;
using System.Xml.Linq;

namespace MiniTorch.Perf;

/// <summary>Input or a machine that cannot be used; the message ends with what to do.</summary>
sealed class UsageException(string message) : Exception(message);

/// <summary>The peer's program: built on demand, started once for each form.</summary>
sealed class Peer
{
    const string Project = "perf/peers/MiniTorch.Peers.csproj", Output = "perf/peers/bin/Release/net10.0/linux-x64", Package = "libtorch-cpu-linux-x64";

    // As users run it: the C library's allocator, which gives large blocks back to the system each time and gets them again page by page, zeroed.
    // At its best: blocks stay in the process, in huge pages where the system has them.
    static readonly (string Name, string Value)[] tunedAllocator =
        [("MALLOC_MMAP_MAX_", "0"), ("MALLOC_TRIM_THRESHOLD_", "1099511627776"), ("MALLOC_TOP_PAD_", "67108864"), ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")];

    readonly string program;
    readonly string? preload;
    readonly int threads;

    Peer(string program, string? preload, int threads) => (this.program, this.preload, this.threads) = (program, preload, threads);

    /// <summary>Builds the peer, which needs packages that no other build fetches.</summary>
    internal static Peer Build(string root, int threads)
    {
        string version = Version(root), cached = version.EndsWith(".0", StringComparison.Ordinal) && version.Count(static c => c == '.') == 3 ? version[..^2] : version;   // as the cache spells 1.2.3.0
        string packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } set ? set
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        if (!Directory.Exists(Path.Combine(packages, Package, cached)))
            Console.Error.WriteLine($"versus: the peer is libtorch {version} with MKL and oneDNN, through TorchSharp; fetching both as NuGet packages: 180 MB to download, 1.1 GB on disk");
        using Process build = Process.Start(new ProcessStartInfo("dotnet", ["build", "-c", "Release", "-v", "q", "--nologo", Project])
        {
            WorkingDirectory = root, RedirectStandardOutput = true,
        })!;
        string[] lines = build.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        build.WaitForExit();
        if (build.ExitCode != 0)
            throw new UsageException($"cannot build {Project}: {lines.FirstOrDefault(static l => l.Contains("error", StringComparison.Ordinal)) ?? "unknown"}; dotnet build -c Release {Project} shows all");
        string folder = Path.Combine(root, Output);
        return new(Path.Combine(folder, "MiniTorch.Peers.dll"), OldRuntime.Provide(folder, Path.Combine(root, "perf", "peers")), threads);
    }

    /// <summary>Starts it for a form.</summary>
    internal Child Start(string form)
    {
        ProcessStartInfo start = new("dotnet", [program, "--threads", threads.ToString(CultureInfo.InvariantCulture)]);
        start.Environment["OMP_NUM_THREADS"] = start.Environment["MKL_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture);
        if (preload is not null) start.Environment["LD_PRELOAD"] = preload;
        if (form is not ("official" or "best_layout"))
            foreach ((string name, string value) in tunedAllocator) start.Environment[name] = value;
        return new(form, start);
    }

    static string Version(string root)
    {
        XDocument versions = XDocument.Load(Path.Combine(root, "Directory.Packages.props"));
        return versions.Descendants("PackageVersion").First(static p => p.Attribute("Include")?.Value == Package).Attribute("Version")!.Value;
    }
}
