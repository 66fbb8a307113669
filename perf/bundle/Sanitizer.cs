using System.Globalization;

namespace MiniTorch.Bundle;

/// <summary>compute-sanitizer over the tests: memcheck finds wrong accesses, racecheck hazards in shared memory. Where NVIDIA's tool is not installed, the step is skipped.</summary>
static class Sanitizer
{
    const string Name = "compute-sanitizer";
    const int MostLetters = 4 << 20;        // of a tool's words
    static readonly TimeSpan slack = TimeSpan.FromSeconds(20), least = TimeSpan.FromSeconds(30);

    static readonly (string Tool, double Share)[] tools = [("memcheck", 0.6), ("racecheck", 1)];

    internal static (string Outcome, string Detail) Run(Progress progress, string file)
    {
        if (Child.Find(Name) is not string program) return ("skipped", $"{Name} was not found on the path or in /usr/local/cuda*");
        using StreamWriter to = new(file);
        List<string> told = [];
        bool failed = false;
        foreach ((string tool, double share) in tools)
        {
            TimeSpan limit = (progress.Limit - TimeSpan.FromSeconds(progress.Seconds)) * share;
            if (limit < least)
            {
                told.Add($"{tool} not run, as the time was up");
                continue;
            }
            int letters = 0, tests = 0;
            string summary = "";
            string seconds = (limit - slack).TotalSeconds.ToString(CultureInfo.InvariantCulture);
            Ending ending = Child.Run(program, ["--tool", tool, Path.Combine(Child.Folder, "run"), "tests", "--seconds", seconds], limit, limit, line =>
            {
                if (line.Contains("\"outcome\"", StringComparison.Ordinal)) progress.Now = $"{tool}, {++tests} tests";
                if (line.Contains("SUMMARY:", StringComparison.Ordinal)) summary = line.Trim('=', ' ');
                if (line.StartsWith('{') || (letters += line.Length) > MostLetters) return;
                to.WriteLine($"{tool} {line}");
            });
            string without = ending.ExitCode is null ? "no summary, as the time was up" : $"no summary; {ending.Errors.LastOrDefault($"exit code {ending.ExitCode}")}";
            told.Add($"{tool} over {tests} tests: {(summary.Length > 0 ? summary : without)}");
            failed |= !summary.Contains(" 0 errors", StringComparison.Ordinal) && !summary.Contains(" 0 hazards", StringComparison.Ordinal);
        }
        return (failed ? "failed" : told.TrueForAll(static t => t.Contains("not run", StringComparison.Ordinal)) ? "skipped" : "passed", string.Join("; ", told));
    }
}
