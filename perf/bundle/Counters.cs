namespace MiniTorch.Bundle;

/// <summary>Counters of the kernels of a training step, by Nsight Compute. Where ncu is not installed, or the driver lets nobody read them, the step is skipped.</summary>
static class Counters
{
    const string Name = "ncu", Refused = "ERR_NVGPUCTRPERM";
    const int Launches = 600;           // more than a step has

    static readonly string[] step = ["profile", "convnext_dcls_tiny", "--batch", "128", "--precision", "bf16", "--steps", "1", "--device", "cuda", "--json"];

    internal static (string Outcome, string Detail) Run(Progress progress, string file, List<KernelCounters> counters)
    {
        if (Child.Find(Name) is not string program) return ("skipped", $"{Name} was not found on the path or in /usr/local/cuda*");
        List<string> lines = [];
        bool refused = false;
        string? error = null;
        string[] words = ["--csv", "--print-units", "base", "--launch-count", $"{Launches}", "--metrics", string.Join(',', KernelCounters.Metrics), Path.Combine(Child.Folder, "dcls"), .. step];
        Ending ending;
        using (StreamWriter to = new(file))
            ending = Child.Run(program, words, progress.Limit, progress.Limit, line =>
            {
                refused |= line.Contains(Refused, StringComparison.Ordinal);
                if (line.StartsWith("==ERROR==", StringComparison.Ordinal)) error = line;
                if (!line.StartsWith('"')) return;
                to.WriteLine(line);
                lines.Add(line);
                progress.Now = $"{lines.Count} lines";
            });
        if (refused || ending.Errors.Any(static e => e.Contains(Refused, StringComparison.Ordinal)))
            return ("skipped", $"{Name} may not read the counters of this GPU ({Refused}); run as root, or load the driver with NVreg_RestrictProfilingToAdminUsers=0");
        counters.AddRange(KernelCounters.Parse(lines));
        if (counters.Count > 0) return ("passed", $"{counters.Sum(static c => c.Launches)} launches of {counters.Count} kernels{(ending.ExitCode is null ? ", as the time was up" : "")}");
        return ("failed", $"{Name} counted nothing: {error ?? (ending.ExitCode is null ? "its time was up" : ending.Errors.LastOrDefault($"exit code {ending.ExitCode}"))}");
    }
}
