using System.Diagnostics;

namespace MiniTorch.Bundle;

/// <summary>How a program ended: its exit code, or null if it was ended because it took too long; and the last lines that it wrote to standard error.</summary>
sealed record Ending(int? ExitCode, IReadOnlyList<string> Errors);

/// <summary>A program of the bundle, or one that runs it, which is watched while it runs.</summary>
static class Child
{
    const int MostErrors = 20, MostLetters = 400, TickMs = 200;

    /// <summary>The folder of the bundle.</summary>
    internal static string Folder { get; } = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, ".."));

    /// <summary>A tool of NVIDIA's on the path, or in the newest toolkit in /usr/local.</summary>
    internal static string? Find(string tool)
    {
        string[] installed = Directory.Exists("/usr/local") ? Directory.GetDirectories("/usr/local", "cuda*") : [];
        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Concat(installed.Order(StringComparer.Ordinal).Reverse().SelectMany(root => new[] { Path.Combine(root, "bin"), Path.Combine(root, tool) }))
            .Select(folder => Path.Combine(folder, tool)).FirstOrDefault(File.Exists);
    }

    /// <summary>Runs a program, hands on each line that it writes, and ends it with everything it started when its time is up or it has said nothing for too long.</summary>
    internal static Ending Run(string program, IEnumerable<string> words, TimeSpan limit, TimeSpan patience, Action<string> said)
    {
        ProcessStartInfo start = new(program, words) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment[Tests.Cuda.TestedGpu.Variable] = "cuda";
        start.Environment.TryAdd("CUDA_CACHE_PATH", Path.Combine(Folder, "compiled"));      // the driver keeps there what it compiled, so that each step need not again
        start.Environment.TryAdd("CUDA_CACHE_MAXSIZE", "1073741824");
        Stopwatch clock = Stopwatch.StartNew();
        using Process process = Process.Start(start)!;
        List<string> errors = [];
        long last = 0;
        Task output = Task.Run(() =>
        {
            while (process.StandardOutput.ReadLine() is string line)
            {
                Volatile.Write(ref last, clock.ElapsedMilliseconds);
                said(line);
            }
        });
        Task error = Task.Run(() =>
        {
            while (process.StandardError.ReadLine() is string line)
            {
                if (line.Trim().Length == 0) continue;
                if (errors.Count == MostErrors) errors.RemoveAt(0);
                errors.Add(line.Length > MostLetters ? line[..MostLetters] + "..." : line);
            }
        });
        bool ended;
        while (!(ended = process.WaitForExit(TickMs)) && clock.Elapsed < limit && clock.ElapsedMilliseconds - Volatile.Read(ref last) < patience.TotalMilliseconds)
        {
        }
        if (!ended) process.Kill(entireProcessTree: true);
        process.WaitForExit();
        Task.WaitAll([output, error], TimeSpan.FromSeconds(5));         // what it started may hold its output open
        return new(ended ? process.ExitCode : null, errors);
    }
}
