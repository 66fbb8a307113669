using System.Globalization;
using System.Text;
using System.Text.Json;

namespace MiniTorch.Bundle;

/// <summary>
/// Training steps of ours in turns with those of PyTorch (race.py) on the same GPU: for each network and precision ours, PyTorch in each of its ways, ours again. The claim is the ratio to PyTorch's
/// fastest way.
/// </summary>
sealed class Race(string file, Budget budget)
{
    const int Batch = 128;
    const string Python = "python3";

    /// <summary>The most telling first: the time may end before the last.</summary>
    static readonly (string Model, string Precision)[] runs =
    [
        ("convnext_dcls_tiny", "bf16"), ("convnext_dcls_gauss_tiny", "bf16"), ("convnext_tiny", "bf16"), ("convformer_s18", "bf16"),
        ("convnext_dcls_tiny", "tf32"), ("convnext_dcls_tiny", "float32"), ("convnext_tiny", "tf32"), ("convnext_tiny", "float32"), ("convnext_dcls_gauss_tiny", "tf32"), ("convnext_dcls_gauss_tiny", "float32"),
        ("convformer_s18", "tf32"), ("convformer_s18", "float32"),
    ];

    readonly List<JsonElement> lines = [];
    readonly string script = Path.Combine(AppContext.BaseDirectory, "race.py");

    /// <summary>Exit code: 1 if anything of ours failed; PyTorch's failures are in the table.</summary>
    internal int Run()
    {
        JsonElement? probe = Try(Python, [script, "--probe"]) is [JsonElement found, ..] ? found : null;
        string peer = probe is { } p ? $"PyTorch {p.GetProperty("torch").GetString()} on {p.GetProperty("gpu").GetString()}" : $"no {Python} with PyTorch and a GPU was found";
        Console.WriteLine(peer);
        StringBuilder table = new();
        table.Append(CultureInfo.InvariantCulture, $"# Training steps, batch {Batch}, 224x224\n\n{DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC; {peer}; medians of 20 steps in ms, of ours the slower of two turns\n\n")
            .Append("| network | precision | ours | official | best | compiled | to the fastest | to official | ours images/s | ours MB | its MB |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
        bool failed = false;
        foreach ((string model, string precision) in runs)
        {
            if (budget.Left <= TimeSpan.Zero) break;
            JsonElement? first = Ours(model, precision);
            JsonElement[] theirs = probe is null ? [] : [.. Try(Python, [script, model, precision, "--batch", $"{Batch}"]) ?? []];
            JsonElement? second = probe is null || first is null ? null : Ours(model, precision);
            failed |= first is null;
            string row = Row(model, precision, first, second, theirs);
            table.Append(row);
            Console.Write(row);
            Write(table);
        }
        Write(table);
        return failed ? 1 : 0;
    }

    void Write(StringBuilder table)
    {
        File.WriteAllText(file, table.ToString());
        File.WriteAllLines(file + ".jsonl", lines.Select(static l => l.GetRawText()));
    }

    JsonElement? Ours(string model, string precision)
        => Try(Path.Combine(Child.Folder, "dcls"), ["bench", model, "--batch", $"{Batch}", "--precision", precision, "--device", "cuda", "--json"])?.FirstOrDefault();

    /// <summary>The lines of JSON that a program writes; null if it cannot be started, fails, or is not done in time.</summary>
    List<JsonElement>? Try(string program, string[] words)
    {
        List<JsonElement> said = [];
        try
        {
            Ending ending = Child.Run(program, words, budget.Left, budget.Left, line => said.Add(JsonDocument.Parse(line).RootElement));
            lines.AddRange(said);
            if (ending.ExitCode == 0) return said;
            Console.Error.WriteLine($"{Path.GetFileName(program)} {string.Join(' ', words)}: {ending.Errors.LastOrDefault("its time was up")}");
        }
        catch (Exception e) when (e is JsonException or System.ComponentModel.Win32Exception)
        {
            Console.Error.WriteLine($"{Path.GetFileName(program)} {string.Join(' ', words)}: {e.Message}");
        }
        return null;
    }

    static string Row(string model, string precision, JsonElement? first, JsonElement? second, JsonElement[] theirs)
    {
        double? ours = first is null ? null : second is null ? Value(first.Value, "median_ms") : Math.Max(Value(first.Value, "median_ms")!.Value, Value(second.Value, "median_ms")!.Value);
        double? official = Of("official"), best = Of("best"), compiled = Of("compiled"), fastest = new[] { official, best, compiled }.Min();
        double? memory = theirs.Where(t => Value(t, "median_ms") == fastest).Select(static t => Value(t, "peak_mb")).FirstOrDefault();
        string[] cells = [model, precision, Told(ours), Told(official), Told(best), Told(compiled), Ratio(fastest), Ratio(official), Told(first is { } f ? Value(f, "images_per_second") : null),
            Told(first is { } m ? Value(m, "peak_mb") : null), Told(memory)];
        return $"| {string.Join(" | ", cells)} |\n";

        double? Of(string way) => theirs.Where(t => t.GetProperty("way").GetString() == way).Select(static t => Value(t, "median_ms")).FirstOrDefault();
        string Ratio(double? theirMs) => theirMs is { } t && ours is { } o ? FormattableString.Invariant($"{t / o:0.00}x") : "-";
    }

    static double? Value(JsonElement row, string name) => row.TryGetProperty(name, out JsonElement v) && v.ValueKind == JsonValueKind.Number ? v.GetDouble() : null;

    static string Told(double? value) => value?.ToString("0.0", CultureInfo.InvariantCulture) ?? "-";
}
