using System.Globalization;
using System.Text;
using System.Text.Json;

namespace MiniTorch.Bundle;

/// <summary>What is raced.</summary>
enum RacePart { All, Kernels, Steps }

/// <summary>
/// Operations and training steps of ours in turns with those of PyTorch (race.py) on the same GPU: ours, PyTorch in each of its ways, ours again. The claim is the ratio to PyTorch's fastest way.
/// </summary>
sealed class Race(string file, Budget budget, RacePart part)
{
    const int Batch = 128;
    const double Kernels = 0.5;         // of the time, where both parts are raced
    const double Theirs = 0.7;          // of the time for operations of a precision
    const string Python = "python3";

    /// <summary>Of dcls bench ops: the depthwise convolutions of ConvNeXt-T, the drawing of DCLS kernels, and what lies between products. Kernels are drawn in float32 whatever the rest is.</summary>
    const string Operations = "^(dw_|layer_norm|gelu|linear_gelu)", InSingle = "^(dw_|layer_norm|gelu|linear_gelu|construct_v0|construct_gauss_fwdbwd C768 k23)";

    /// <summary>The most telling first: the time may end before the last.</summary>
    static readonly (string Model, string Precision)[] runs =
    [
        ("convnext_dcls_tiny", "bf16"), ("convnext_dcls_gauss_tiny", "bf16"), ("convnext_tiny", "bf16"), ("convformer_s18", "bf16"),
        ("convnext_dcls_tiny", "tf32"), ("convnext_dcls_tiny", "float32"), ("convnext_tiny", "tf32"), ("convnext_tiny", "float32"), ("convnext_dcls_gauss_tiny", "tf32"), ("convnext_dcls_gauss_tiny", "float32"),
        ("convformer_s18", "tf32"), ("convformer_s18", "float32"),
    ];

    readonly List<JsonElement> lines = [];
    readonly StringBuilder table = new();
    readonly string dcls = Path.Combine(Child.Folder, "dcls");
    readonly string script = Path.Combine(AppContext.BaseDirectory, "race.py");
    JsonElement? probe;
    bool failed;

    /// <summary>Exit code: 1 if anything of ours failed; PyTorch's failures are in the table.</summary>
    internal int Run()
    {
        probe = Try(Python, [script, "--probe"], budget.Left, out bool usable) is [JsonElement found, ..] && usable ? found : null;
        string peer = probe is { } p ? $"PyTorch {p.GetProperty("torch").GetString()} on {p.GetProperty("gpu").GetString()}" : $"no {Python} with PyTorch and a GPU was found";
        Console.WriteLine(peer);
        Say($"# Beside PyTorch, batch {Batch}\n\n{DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)} UTC; {peer}; medians in ms, of ours the slower of two turns\n");
        if (part != RacePart.Steps) foreach (string precision in (string[])["bf16", "float32"]) RunKernels(precision);
        if (part != RacePart.Kernels) RunSteps();
        return failed ? 1 : 0;
    }

    void RunKernels(string precision)
    {
        if (budget.Left <= TimeSpan.Zero) return;
        Budget own = new((part == RacePart.All ? budget.Share(Kernels / 2) : budget.Left).TotalMinutes);
        string[] words = ["bench", "ops", "--filter", precision == "float32" ? InSingle : Operations, "--batch", $"{Batch}", "--precision", precision, "--device", "cuda", "--json"];
        List<JsonElement> first = Try(dcls, words, own.Left, out bool all), theirs = [], second = [];
        failed |= !all || first.Count == 0;
        string[] names = [.. first.Select(static r => $"{Text(r, "name")} {Text(r, "shape")}")];
        if (probe is not null && names.Length > 0)
        {
            theirs = Try(Python, [script, "--in", precision, "--kernels", .. names], own.Share(Theirs), out _);
            second = Try(dcls, words, own.Left, out _);
        }
        Say($"\n## Operations, {precision}\n\n{RaceTable.KernelColumns}");
        foreach (JsonElement row in first)
        {
            (string name, string shape) = (Text(row, "name"), Text(row, "shape"));
            JsonElement? again = second.Where(s => Text(s, "name") == name && Text(s, "shape") == shape).Select(static s => (JsonElement?)s).FirstOrDefault();
            Say(RaceTable.Kernel(name, shape, precision, row, again, [.. theirs.Where(t => Text(t, "kernel") == name && Text(t, "shape") == shape)]));
        }

        static string Text(JsonElement r, string name) => r.GetProperty(name).GetString()!;
    }

    void RunSteps()
    {
        Say($"\n## Training steps, 224x224\n\n{RaceTable.StepColumns}");
        foreach ((string model, string precision) in runs)
        {
            if (budget.Left <= TimeSpan.Zero) break;
            JsonElement? first = Ours(model, precision);
            List<JsonElement> theirs = probe is null ? [] : Try(Python, [script, model, precision, "--batch", $"{Batch}"], budget.Left, out _);
            JsonElement? second = probe is null || first is null ? null : Ours(model, precision);
            failed |= first is null;
            Say(RaceTable.Step(model, precision, first, second, theirs));
        }
    }

    void Say(string text)
    {
        table.Append(text);
        Console.Write(text);
        File.WriteAllText(file, table.ToString());
        File.WriteAllLines(file + ".jsonl", lines.Select(static l => l.GetRawText()));
    }

    JsonElement? Ours(string model, string precision)
        => Try(dcls, ["bench", model, "--batch", $"{Batch}", "--precision", precision, "--device", "cuda", "--json"], budget.Left, out bool all) is [JsonElement row, ..] && all ? row : null;

    /// <summary>The lines of JSON that a program writes, as many as it gets to; all is false if it cannot be started, fails, or is not done in time.</summary>
    List<JsonElement> Try(string program, string[] words, TimeSpan limit, out bool all)
    {
        List<JsonElement> said = [];
        all = false;
        if (limit <= TimeSpan.Zero) return said;
        try
        {
            Ending ending = Child.Run(program, words, limit, limit, line => said.Add(JsonDocument.Parse(line).RootElement));
            all = ending.ExitCode == 0;
            if (!all) Console.Error.WriteLine($"{Path.GetFileName(program)} {string.Join(' ', words)}: {ending.Errors.LastOrDefault("its time was up")}");
        }
        catch (Exception e) when (e is JsonException or System.ComponentModel.Win32Exception)
        {
            Console.Error.WriteLine($"{Path.GetFileName(program)} {string.Join(' ', words)}: {e.Message}");
        }
        lines.AddRange(said);
        return said;
    }
}
