using System.Globalization;
using System.Text;
using System.Text.Json;
using MiniTorch.Models;

namespace MiniTorch.Bundle;

/// <summary>What the steps found: report.md to read, report.json to compute with.</summary>
sealed class Report(string folder)
{
    const int MostFailures = 100, MostCounted = 25, MostLetters = 600;

    internal List<StepResult> Steps { get; } = [];
    internal List<TestLine> Tests { get; } = [];

    /// <summary>Lines that commands of dcls wrote.</summary>
    internal List<JsonElement> Doctor { get; } = [];
    internal List<JsonElement> Kernels { get; } = [];
    internal List<JsonElement> Timings { get; } = [];
    internal List<JsonElement> Profile { get; } = [];

    /// <summary>Kernels of a training step, longest first.</summary>
    internal List<KernelCounters> Counters { get; } = [];

    string Gpu => Doctor.Count > 0 ? Doctor[0].GetProperty("gpus")[0].GetString()! : "unknown GPU";

    internal void Write()
    {
        string date = DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture) + " UTC";
        object all = new
        {
            Gpu, Date = date, Steps, Kernels = Kernels.Count, Registers = Kernels.Select(static k => Int(k, "registers")).DefaultIfEmpty().Max(), Spills = Kernels.Where(IsWrong), Tests = Tests.Count,
            Failures = Tests.Where(static t => t.Outcome == "failed").Take(MostFailures), Skips = Tests.Where(static t => t.Outcome == "skipped").Take(MostFailures), Timings, Counters,
        };
        File.WriteAllText(Path.Combine(folder, "report.json"), JsonSerializer.Serialize(all, RunJson.Indented) + "\n");
        File.WriteAllText(Path.Combine(folder, "report.md"), Markdown(date));
    }

    string Markdown(string date)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"# MiniTorch.Dcls on {Gpu}\n\n{date}\n");
        Table(text, "Steps", ["step", "outcome", "seconds", "what came of it"], Steps.Select(static s => new[] { s.Name, s.Outcome, Number(s.Seconds), s.Detail }));
        Table(text, "Failed tests", ["test", "why"], Tests.Where(static t => t.Outcome == "failed").Take(MostFailures).Select(static t => new[] { t.Name, t.Message ?? "" }));
        Table(text, "Skipped tests", ["test", "why"], Tests.Where(static t => t.Outcome == "skipped").Take(MostFailures).Select(static t => new[] { t.Name, t.Message ?? "" }));
        Table(text, "Timings", ["work", "shape", "median ms", "min ms", "GFLOP/s", "bound ms"], Timings.Select(static t => Cells(t, "name", "shape", "median_ms", "min_ms", "gflops", "bound_ms")));
        Table(text, "Where a training step of ConvNeXt-T-dcls spends its time", ["layer", "op", "phase", "calls", "ms"],
            Profile.Where(static p => p.TryGetProperty("rows", out _)).SelectMany(static p => p.GetProperty("rows").EnumerateArray()).Take(30).Select(static r => Cells(r, "layer", "op", "phase", "calls", "ms")));
        Table(text, "Counters of the kernels of a training step of ConvNeXt-T-dcls, bf16, by Nsight Compute", KernelCounters.Columns, Counters.Take(MostCounted).Select(static c => c.Cells()));
        Table(text, "Kernels that spill or do not load", ["module", "kernel", "local bytes", "error"], Kernels.Where(IsWrong).Select(static k => Cells(k, "module", "kernel", "local_bytes", "error")));
        Table(text, "Kernels", ["module", "kernel", "registers", "local bytes", "shared bytes", "threads"],
            Kernels.Select(static k => Cells(k, "module", "kernel", "registers", "local_bytes", "static_shared_bytes", "max_threads")));
        return text.ToString();
    }

    /// <summary>Nothing at all where there is no row.</summary>
    static void Table(StringBuilder text, string title, string[] columns, IEnumerable<string[]> rows)
    {
        string[][] all = [.. rows];
        if (all.Length == 0) return;
        text.Append(CultureInfo.InvariantCulture, $"\n## {title}\n\n| {string.Join(" | ", columns)} |\n|{string.Concat(Enumerable.Repeat(" --- |", columns.Length))}\n");
        foreach (string[] row in all) text.Append(CultureInfo.InvariantCulture, $"| {string.Join(" | ", row.Select(Cell))} |\n");
    }

    static string[] Cells(JsonElement row, params string[] names)
        => [.. names.Select(n => !row.TryGetProperty(n, out JsonElement v) ? "" : v.ValueKind == JsonValueKind.String ? v.GetString()! : v.GetRawText())];

    /// <summary>A line that does not end the table.</summary>
    static string Cell(string text) => (text.Length > MostLetters ? text[..MostLetters] + "..." : text).ReplaceLineEndings(" ").Replace("|", "\\|", StringComparison.Ordinal);

    static bool IsWrong(JsonElement kernel) => kernel.TryGetProperty("error", out _) || Int(kernel, "local_bytes") > 0;

    static int Int(JsonElement row, string name) => row.TryGetProperty(name, out JsonElement value) ? value.GetInt32() : 0;

    static string Number(double value) => value.ToString("0.0", CultureInfo.InvariantCulture);
}
