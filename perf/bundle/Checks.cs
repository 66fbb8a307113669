using System.Globalization;
using System.Text.Json;
using MiniTorch.Models;

namespace MiniTorch.Bundle;

/// <summary>What came of a step: passed, failed or skipped; seconds; and a sentence.</summary>
sealed record StepResult(string Name, string Outcome, double Seconds, string Detail);

/// <summary>The steps, in order. Each has a share of the time and leaves what it was told in a file of the report.</summary>
sealed class Checks(string folder, Budget budget)
{
    readonly Report report = new(folder);

    /// <summary>Exit code of the whole: 1 if a step failed.</summary>
    internal int Run()
    {
        Step("doctor", 0.05, p => Lines(p, "doctor.json", report.Doctor, "doctor", "--json"));
        Step("kernels", 0.15, p => Lines(p, "kernels.jsonl", report.Kernels, "doctor", "--kernels", "--device", "cuda", "--json"));
        Step("tests", 0.4, Tests);
        Step("timings", 0.2, p => Lines(p, "timings.jsonl", report.Timings, "bench", "ops", "--device", "cuda", "--json"));
        Step("profile", 0.1, p => Lines(p, "profile.json", report.Profile, "profile", "convnext_dcls_tiny", "--device", "cuda", "--json"));
        Step("counters", 0.1, p => Counters.Run(p, Path.Combine(folder, "counters.csv"), report.Counters));
        Step("sanitizer", 1, p => Sanitizer.Run(p, Path.Combine(folder, "sanitizer.txt")));
        report.Write();
        Console.WriteLine($"report in {folder}");
        return report.Steps.Any(static s => s.Outcome == "failed") ? 1 : 0;
    }

    void Step(string name, double share, Func<Progress, (string Outcome, string Detail)> work)
    {
        TimeSpan limit = budget.Share(share);
        (string outcome, string detail) = ("skipped", "no time was left");
        double seconds = 0;
        if (limit > TimeSpan.Zero)
        {
            using Progress progress = new(name, limit);
            try
            {
                (outcome, detail) = work(progress);
            }
            catch (Exception e) when (e is IOException or JsonException or InvalidOperationException or System.ComponentModel.Win32Exception)
            {
                (outcome, detail) = ("failed", e.Message);          // the report of the other steps is worth more than a clean end
            }
            seconds = Math.Round(progress.Seconds, 1);
        }
        report.Steps.Add(new(name, outcome, seconds, detail));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-10}{outcome,-8}{seconds,7:0.0} s  {detail}"));
    }

    /// <summary>A command of dcls that writes lines of JSON.</summary>
    (string Outcome, string Detail) Lines(Progress progress, string file, List<JsonElement> rows, params string[] words)
    {
        using StreamWriter to = new(Path.Combine(folder, file));
        Ending ending = Child.Run(Path.Combine(Child.Folder, "dcls"), words, progress.Limit, progress.Limit, line =>
        {
            to.WriteLine(line);
            rows.Add(JsonDocument.Parse(line).RootElement);
            progress.Now = $"line {rows.Count}";
        });
        return ending.ExitCode switch
        {
            0 when rows.Count > 0 => ("passed", rows.Count == 1 ? "done" : $"{rows.Count} lines"),
            0 => ("failed", "nothing was written"),
            null => ("failed", $"ended after {rows.Count} lines, as its time was up"),
            _ => ("failed", ending.Errors.LastOrDefault($"exit code {ending.ExitCode}")),
        };
    }

    (string Outcome, string Detail) Tests(Progress progress)
    {
        TestRuns runs = new(progress);
        runs.Run();
        report.Tests.AddRange(runs.Ended);
        using (StreamWriter to = new(Path.Combine(folder, "tests.jsonl")))
            foreach (TestLine test in runs.Ended) to.WriteLine(JsonSerializer.Serialize(test, RunJson.Line));
        int failed = runs.Of("failed"), left = runs.Count - runs.Ended.Count;
        return (failed > 0 || left > 0 || runs.Count == 0 ? "failed" : "passed",
            $"{runs.Of("passed")} passed, {failed} failed, {runs.Of("skipped")} skipped{(left > 0 ? $", {left} not run, as the time was up" : "")}");
    }
}
