using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace MiniTorch.Perf.Bundle;

/// <summary>The steps that were done, and the files that tell of them: report.md, report.json, and what the programs wrote, each cut below the size that is kept.</summary>
sealed class Report(string folder, string gpu, TimeSpan budget)
{
    const int LargestFile = 15 << 20, ShownLines = 30;

    static readonly JsonSerializerOptions json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, WriteIndented = true };

    /// <summary>One step. Outcome: passed, failed, timed out, skipped.</summary>
    sealed record Step(string Name, string What, string Outcome, double Seconds, string Detail);

    sealed record Whole(string Gpu, string Date, bool Passed, double Seconds, IReadOnlyList<Step> Steps);

    readonly Stopwatch clock = Stopwatch.StartNew();
    readonly List<Step> steps = [];
    readonly StringBuilder tables = new();

    /// <summary>Writes a file of the report.</summary>
    internal void Keep(string name, string text) => File.WriteAllText(Path.Combine(folder, name), text.Length <= LargestFile ? text : text[..LargestFile]);

    /// <summary>Runs a program as a step. What it writes is kept as a file, if one is named.</summary>
    internal void Do(string name, string what, int limitSeconds, string program, string[] arguments, string? file)
    {
        TimeSpan left = budget - clock.Elapsed, limit = TimeSpan.FromSeconds(Math.Min(limitSeconds, left.TotalSeconds));
        if (limit < TimeSpan.FromSeconds(5))
        {
            Skip(name, "no time is left");
            return;
        }
        Child child = Child.Run(program, arguments, limit, elapsed => Show($"{name} {elapsed.TotalSeconds:0} s of at most {limit.TotalSeconds:0} s"));
        if (file is not null) Keep(file, child.Output);
        string outcome = child.TimedOut ? "timed out" : child.ExitCode == 0 ? "passed" : "failed";
        string detail = outcome == "passed" ? Summary(child.Output) : child.TimedOut ? $"not done after {limit.TotalSeconds:0} s" : child.Errors.Length > 0 ? child.LastError : $"exit code {child.ExitCode}";
        Note(new(name, what, outcome, Math.Round(child.Elapsed.TotalSeconds, 1), detail));
        if (outcome != "passed") Tail($"{name}: what it said last", child.Output + child.Errors);
        else if (file == "bench.jsonl") Times(child.Output);
    }

    /// <summary>A step that cannot be done here.</summary>
    internal void Skip(string name, string why) => Note(new(name, "", "skipped", 0, why));

    /// <summary>Writes the report; true if nothing failed.</summary>
    internal bool Finish()
    {
        bool passed = steps.TrueForAll(static s => s.Outcome is "passed" or "skipped");
        foreach (string path in Directory.EnumerateFiles(folder).Where(static p => new FileInfo(p).Length > LargestFile))
        {
            using FileStream large = File.OpenWrite(path);
            large.SetLength(LargestFile);
        }
        Keep("report.json", JsonSerializer.Serialize(new Whole(gpu, DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture), passed, Math.Round(clock.Elapsed.TotalSeconds, 1), steps), json));
        StringBuilder text = new($"# MiniTorch.Dcls on {gpu}\n\n{DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC, {clock.Elapsed.TotalSeconds:0} s\n\n| step | outcome | seconds | |\n| --- | --- | ---: | --- |\n");
        foreach (Step s in steps) text.Append(CultureInfo.InvariantCulture, $"| {s.Name} | {s.Outcome} | {s.Seconds:0.0} | {s.Detail.Replace('|', '/')} |\n");
        Keep("report.md", text.Append(tables).ToString());
        Console.WriteLine($"{(passed ? "all passed" : "not all passed")}; report in {Path.Combine(folder, "report.md")}");
        return passed;
    }

    void Note(Step step)
    {
        steps.Add(step);
        Console.WriteLine($"{step.Name,-18}{step.Outcome,-10}{step.Seconds,7:0.0} s  {step.Detail}{(Console.IsOutputRedirected ? "" : "\e[K")}");
    }

    static void Show(string status)
    {
        if (!Console.IsOutputRedirected) Console.Write($"{status}\e[K\r");
    }

    /// <summary>The line of totals of a test run; the number of lines of anything else.</summary>
    static string Summary(string output)
    {
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return lines.LastOrDefault(static l => l.Contains("Total:", StringComparison.Ordinal))?.Trim() ?? $"{lines.Length} lines";
    }

    void Tail(string title, string text)
    {
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string[] telling = [.. lines.Where(static l => l.Contains("[FAIL]", StringComparison.Ordinal)).Take(ShownLines), .. lines.TakeLast(ShownLines)];
        tables.Append($"\n## {title}\n\n```\n{string.Join('\n', telling)}\n```\n");
    }

    void Times(string lines)
    {
        tables.Append("\n## Operations\n\n| work | shape | median ms | shortest ms | GFLOP/s | bound ms | of bound |\n| --- | --- | ---: | ---: | ---: | ---: | ---: |\n");
        foreach (string line in lines.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            JsonElement row = JsonDocument.Parse(line).RootElement;
            double Number(string key) => row.GetProperty(key).GetDouble();
            tables.Append(CultureInfo.InvariantCulture, $"| {row.GetProperty("name").GetString()} | {row.GetProperty("shape").GetString()} | {Number("median_ms"):0.0000} | {Number("min_ms"):0.0000} | ")
                .Append(CultureInfo.InvariantCulture, $"{Number("gflops"):0} | {Number("bound_ms"):0.0000} | {Number("bound_ms") / Number("median_ms"):0 %} |\n");
        }
    }
}
