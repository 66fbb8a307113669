using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using MiniTorch.Cuda;
using MiniTorch.Cuda.Emulation;
using MiniTorch.Ops;

namespace MiniTorch.Perf;

/// <summary>
/// What an H100 needs at least for the depthwise convolutions of ConvNeXt-T with 17x17 kernels, in float32 and in bf16, by the emulator's counters: estimates, no measurements. Latency, caches and
/// whatever the compiler of the driver makes of the instructions are not part of them.
/// </summary>
static class Estimates
{
    const int Kernel = 17, Batch = 128;

    static readonly (int Channels, int Side)[] stages = [(96, 56), (192, 28), (384, 14), (768, 7)];
    static readonly JsonSerializerOptions json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A pass of a stage. Bound is what the time is spent on by the model; ratios are sectors and wavefronts to the fewest possible; the rest are counts of warps.</summary>
    sealed record Row(string What, string Gpu, string Op, string Pass, int Batch, int Channels, int Side, double EstimatedUs, string Bound, long WarpInstructions, double FmaShare,
        double SectorRatio, double WavefrontRatio, double FootprintMb, string Date, string Commit);

    internal static int Run(string[] options)
    {
        bool save = options.Contains("--save");
        string? only = options.FirstOrDefault(static o => o is "f32" or "bf16");
        if (options.FirstOrDefault(static o => o is not ("--save" or "f32" or "bf16")) is { } unknown)
        {
            Console.Error.WriteLine($"perf estimates: unknown option '{unknown}'; f32 or bf16 counts that type alone, --save appends to the history");
            return 2;
        }
        string root = History.Root(), commit = History.Commit(root);
        foreach ((DType type, int channels, int side) in from type in (DType[])[DType.Float32, DType.BFloat16] from stage in stages select (type, stage.Channels, stage.Side))
            foreach (string pass in (ReadOnlySpan<string>)["forward", "input gradient", "weight gradient"])
            {
                if (only is not null && type.Short() != only) continue;
                string line = JsonSerializer.Serialize(Count(pass, type, channels, side, commit), json);
                Console.WriteLine(line);
                if (save) File.AppendAllText(Path.Combine(root, "perf", "history", "h100-estimates.jsonl"), line + "\n");
            }
        return 0;
    }

    /// <summary>Runs a pass of the whole batch on the emulator.</summary>
    static Row Count(string pass, DType type, int channels, int side, string commit)
    {
        List<LaunchCounters> launches = [];
        using EmulatedDriver driver = new() { Launched = (_, counters) => launches.Add(counters) };
        using CudaDevice device = CudaDevice.Emulated(driver);
        using Step step = Step.Begin();
        Tensor x = Tensor.Zeros([Batch, side, side, channels], type, device), y = Tensor.Zeros(x.Shape, type, device), weight = Tensor.Zeros([Kernel, Kernel, 1, channels], type, device);
        weight.Fill(1);         // rows without a weight would be left out
        Axis axis = new(side, side, Kernel, 1, Kernel / 2, 1);
        DepthwiseArgs args = new(x, weight, y, default, new(Batch, channels, Axis.None, axis, axis), 1);
        switch (pass)
        {
            case "forward": args.Forward(y); break;
            case "input gradient": args.InputGradient(x); break;
            default: args.WeightGradient(weight); break;
        }
        double seconds = launches.Sum(static c => GpuModel.H100.Estimate(c).Seconds);
        long instructions = launches.Sum(static c => c.WarpInstructions);
        return new("estimate from the counters of the emulator, not a measurement", FormattableString.Invariant($"{GpuModel.H100.Name}, {GpuModel.H100.Multiprocessors} SM, {GpuModel.H100.Clock / 1e9} GHz"),
            $"depthwise {Kernel}x{Kernel} {(type == DType.Float32 ? "float32" : "bf16")}", pass, Batch, channels, side, Math.Round(1e6 * seconds, 1), $"{GpuModel.H100.Estimate(launches[0]).Bound}", instructions,
            Math.Round((double)launches.Sum(static c => c.FmaInstructions) / instructions, 3),
            Math.Round((double)launches.Sum(static c => c.GlobalSectors) / launches.Sum(static c => c.IdealGlobalSectors), 3),
            Math.Round((double)launches.Sum(static c => c.SharedWavefronts) / launches.Sum(static c => c.IdealSharedWavefronts), 3),
            Math.Round(launches.Sum(static c => c.FootprintReadBytes + c.FootprintWrittenBytes) / 1e6, 1), DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), commit);
    }
}
