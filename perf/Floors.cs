using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using MiniTorch.Models;
using MiniTorch.Models.Profiling;

namespace MiniTorch.Perf;

/// <summary>
/// What a training step takes on an H100 at least, layer by layer: products at 600 TFLOP/s in bf16 and 50 in float32, everything else at 3 TB/s for each operand once, and our depthwise kernels
/// by the counters that <see cref="Estimates"/> has kept. Nothing is computed and nothing is measured: the step runs on a <see cref="ShapeDevice"/>, whose launches say what they would cost.
/// </summary>
static partial class Floors
{
    const double BrainFlops = 600e12, SingleFlops = 50e12, Bandwidth = 3e12;
    const int Side = 224, Classes = 1000;

    static readonly JsonSerializerOptions json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A layer's launches: products, our depthwise kernels, all others; Floor in µs by bytes and flops alone, Ours with the estimates of our kernels in their places.</summary>
    sealed record Row(string What, string Model, string Precision, int Batch, string Layer, double Gflop, double Megabytes, double ProductsUs, double DepthwiseUs, double DepthwiseFloorUs, double OthersUs, double FloorUs,
        double OursUs, string Date, string Commit);

    internal static int Run(string[] options)
    {
        bool save = options.Contains("--save"), single = options.Contains("--float32");
        string[] rest = [.. options.Where(static o => o is not ("--save" or "--float32"))];
        if (rest.Length > 2 || rest.Length == 2 && !int.TryParse(rest[1], CultureInfo.InvariantCulture, out _) || rest.Any(static o => o[0] == '-'))
        {
            Console.Error.WriteLine("perf floors: use floors [MODEL [BATCH]] [--float32] [--save]");
            return 2;
        }
        string name = rest.Length > 0 ? rest[0] : "convnext_dcls_tiny";
        int batch = rest.Length > 1 ? int.Parse(rest[1], CultureInfo.InvariantCulture) : 128;
        string root = History.Root(), commit = History.Commit(root), history = Path.Combine(root, "perf", "history");
        Dictionary<(string Op, string Pass, int Channels, int Side), double> counted = Counted(Path.Combine(history, "h100-estimates.jsonl"), batch);
        using ShapeDevice device = new();
        TrainingOptions training = new() { EmaDecay = 0.9999, Precision = single ? Precision.Float32 : Precision.BFloat16 };
        using NetworkStep step = new(device, NamedModels.Of(name).Network, [batch, Side, Side, 3], Classes, training: true, seed: 0, training);
        step.Run();
        StepProfile profile = Profile.Of(device, step.Run);
        Row[] rows = [.. profile.Kernels.GroupBy(static k => k.Layer).Select(layer => Sum(layer.Key, layer))];
        Show(rows);
        Console.WriteLine("bytes that are no product's, by kernel: " + string.Join(", ", profile.Kernels.Where(static k => k.Cost is { Flops: 0 }).GroupBy(static k => k.Kernel)
            .Select(static g => (g.Key, Us: 1e6 * g.Sum(static k => k.Cost!.Value.Bytes) / Bandwidth)).OrderByDescending(static g => g.Us).Take(8).Select(static g => FormattableString.Invariant($"{g.Key} {g.Us:0} µs"))));
        if (save) File.AppendAllLines(Path.Combine(history, "h100-floors.jsonl"), rows.Append(Total(rows)).Select(static r => JsonSerializer.Serialize(r, json)));
        return 0;

        Row Sum(string layer, IEnumerable<KernelRun> launches)
        {
            double flops = 0, bytes = 0, products = 0, depthwise = 0, depthwiseFloor = 0, others = 0;
            foreach (KernelRun k in launches)
            {
                Cost cost = k.Cost ?? default;
                double floor = cost.Bound(single ? SingleFlops : BrainFlops, Bandwidth);
                (flops, bytes) = (flops + cost.Flops, bytes + cost.Bytes);
                if (k.Kernel.StartsWith("DepthwiseConv.", StringComparison.Ordinal))
                {
                    depthwiseFloor += cost.Bytes / Bandwidth;
                    depthwise += Estimate(k.Kernel, cost.Shape) ?? cost.Bytes / Bandwidth;
                }
                else if (cost.Flops > 0) products += floor;
                else others += floor;
            }
            return new("floors and estimates from counters, not measurements", name, single ? "float32" : "bf16", batch, layer.Length == 0 ? "(loss, copies)" : layer, Math.Round(flops / 1e9, 3), Math.Round(bytes / 1e6, 2),
                Us(products), Us(depthwise), Us(depthwiseFloor), Us(others), Us(products + depthwiseFloor + others), Us(products + depthwise + others),
                DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), commit);
        }

        double? Estimate(string kernel, string shape)
        {
            Match m = DepthwiseShape().Match(shape);
            string pass = kernel.Split('.')[1] switch { "forward" => "forward", "inputGradient" => "input gradient", _ => "weight gradient" };
            string op = $"depthwise {m.Groups["k"].Value}x{m.Groups["k"].Value} {(single ? "float32" : "bf16")}";
            return m.Success && counted.TryGetValue((op, pass, int.Parse(m.Groups["c"].Value, CultureInfo.InvariantCulture), int.Parse(m.Groups["h"].Value, CultureInfo.InvariantCulture)), out double us) ? us / 1e6 : null;
        }
    }

    [GeneratedRegex(@"^\d+x(?<h>\d+)x\d+x(?<c>\d+) k(?<k>\d+)x\d+")]
    private static partial Regex DepthwiseShape();

    /// <summary>The latest estimate of each pass.</summary>
    static Dictionary<(string, string, int, int), double> Counted(string path, int batch)
    {
        Dictionary<(string, string, int, int), double> all = [];
        foreach (string line in File.ReadLines(path))
        {
            JsonElement r = JsonDocument.Parse(line).RootElement;
            if (r.TryGetProperty("pass", out JsonElement pass) && r.GetProperty("batch").GetInt32() == batch)
                all[(r.GetProperty("op").GetString()!, pass.GetString()!, r.GetProperty("channels").GetInt32(), r.GetProperty("side").GetInt32())] = r.GetProperty("estimated_us").GetDouble();
        }
        return all;
    }

    static Row Total(Row[] rows) => rows[0] with
    {
        Layer = "total", Gflop = Math.Round(rows.Sum(static r => r.Gflop), 1), Megabytes = Math.Round(rows.Sum(static r => r.Megabytes), 1), ProductsUs = Math.Round(rows.Sum(static r => r.ProductsUs), 1),
        DepthwiseUs = Math.Round(rows.Sum(static r => r.DepthwiseUs), 1), DepthwiseFloorUs = Math.Round(rows.Sum(static r => r.DepthwiseFloorUs), 1), OthersUs = Math.Round(rows.Sum(static r => r.OthersUs), 1),
        FloorUs = Math.Round(rows.Sum(static r => r.FloorUs), 1), OursUs = Math.Round(rows.Sum(static r => r.OursUs), 1),
    };

    static void Show(Row[] rows)
    {
        Console.WriteLine($"{rows[0].Model}, training step, batch {rows[0].Batch}, {rows[0].Precision}: floors of an H100 and estimates from counters in µs, no measurements");
        int width = rows.Max(static r => r.Layer.Length) + 2;
        Console.WriteLine($"{"layer".PadRight(width)}{"GFLOP",10}{"MB",10}{"products",10}{"depthwise",11}{"its floor",11}{"others",10}{"floor",10}{"ours",10}");
        foreach (Row r in rows.Append(Total(rows)))
            Console.WriteLine(FormattableString.Invariant($"{r.Layer.PadRight(width)}{r.Gflop,10:0.0}{r.Megabytes,10:0.0}{r.ProductsUs,10:0.0}{r.DepthwiseUs,11:0.0}{r.DepthwiseFloorUs,11:0.0}{r.OthersUs,10:0.0}{r.FloorUs,10:0.0}{r.OursUs,10:0.0}"));
        Row most = rows.MaxBy(static r => r.OursUs - r.FloorUs)!;
        if (most.OursUs > most.FloorUs) Console.WriteLine(FormattableString.Invariant($"furthest from its floor: {most.Layer}, {most.OursUs - most.FloorUs:0.0} µs"));
    }

    static double Us(double seconds) => Math.Round(1e6 * seconds, 2);
}
