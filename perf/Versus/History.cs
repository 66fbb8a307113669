using System.Diagnostics;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace MiniTorch.Perf;

/// <summary>perf/history/PROCESSOR.versus.jsonl: a line for each row of a comparison that was to be kept, signed with processor, date and commit.</summary>
sealed class History
{
    static readonly JsonSerializerOptions json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,          // a commit's plus sign as it is
    };

    readonly string path, commit, date = DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
    readonly int threads;

    internal History(string root, int threads)
    {
        this.threads = threads;
        commit = Commit(root);
        Cpu = $"{Device.Cpu.Name}, {Environment.ProcessorCount} cores";
        string name = string.Concat(Cpu.ToLowerInvariant().Select(static c => char.IsAsciiLetterOrDigit(c) ? c : '-'));
        path = Path.Combine(root, "perf", "history", string.Join('-', name.Split('-', StringSplitOptions.RemoveEmptyEntries)) + ".versus.jsonl");
    }

    /// <summary>The processor and how many cores of it there are.</summary>
    internal string Cpu { get; }

    /// <summary>A row on a line.</summary>
    internal static string Json(Row row) => JsonSerializer.Serialize(row, json);

    /// <summary>The row, with where and when it was measured; a commit with a plus sign was changed since.</summary>
    internal Row Signed(Row row) => row with { Date = date, Commit = commit, Cpu = Cpu, Threads = threads };

    /// <summary>Keeps a row.</summary>
    internal void Append(Row row) => File.AppendAllText(path, Json(row) + "\n");

    /// <summary>The checkout that this program lies in.</summary>
    internal static string Root()
    {
        for (DirectoryInfo? d = new(AppContext.BaseDirectory); d is not null; d = d.Parent)
            if (File.Exists(Path.Combine(d.FullName, "MiniTorch.Dcls.sln"))) return d.FullName;
        throw new UsageException("this needs the repository, and the program does not lie in one; run it with dotnet run --project perf");
    }

    /// <summary>What is checked out; with a plus sign if it was changed since.</summary>
    internal static string Commit(string root) => Git(root, "rev-parse", "--short", "HEAD") + (Git(root, "status", "--porcelain", "--untracked-files=no").Length > 0 ? "+" : "");

    static string Git(string root, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("git", arguments) { WorkingDirectory = root, RedirectStandardOutput = true, RedirectStandardError = true })!;
        string text = process.StandardOutput.ReadToEnd().Trim();
        process.WaitForExit();
        return text;
    }
}
