using System.CommandLine;
using MiniTorch.Models;
using MiniTorch.Models.Bench;
using MiniTorch.Models.Profiling;

namespace MiniTorch.Cli;

/// <summary>dcls profile: where a step of a network spends its time and memory.</summary>
static class ProfileCommand
{
    const int LargeImage = 128, LargeBatch = 8, SmallBatch = 32;

    static readonly Argument<string> model = new("MODEL") { Description = $"One of: {NamedModels.Names}." };
    static readonly Option<int?> batch = Options.Number<int>("--batch", "Images in a step (default: 8, or 32 of small images).", "N", 1);
    static readonly Option<int?> size = Options.Number<int>("--size", "Height and width of the images (default: the model's usual).", "N", 1);
    static readonly Option<bool> forward = new("--forward") { Description = "Only the forward pass without a graph (default: a training step)." };
    static readonly Option<int?> steps = Options.Number<int>("--steps", "Steps measured after the warm-up, with and without a profile in turns (default: at least 5, for 2 s).", "N", 1);
    static readonly Option<int?> top = Options.Number<int>("--top", "Rows of the table (default: 30).", "N", 1);
    static readonly Option<ulong?> seed = Options.Number<ulong>("--seed", "Key of weights and images (default: 0).", "N", 0);
    static readonly Option<string?> precision = Options.OneOf("--precision", "What to compute in, TF32 and bf16 on a CUDA device (default: what the model's recipe has, or float32).", Options.Precisions);
    static readonly Option<string?> trace = new("--trace") { Description = "Write a trace that chrome://tracing and ui.perfetto.dev open.", HelpName = "FILE" };

    /// <summary>Counters of an emulated GPU: estimated ms by bound, the one that most of them go to, and of these ms those of libraries and copies, which nothing was counted of.</summary>
    sealed record Counters(long Launches, long WarpInstructions, long FmaInstructions, long MatrixMultiplyAdds, long GlobalSectors, long IdealGlobalSectors, long SharedWavefronts, long IdealSharedWavefronts,
        long FootprintBytes, Bound Bound, IReadOnlyDictionary<string, double> MsByBound, double UncountedMs);

    sealed record Row(string Layer, string Op, string Phase, int Calls, int Kernels, double Ms, double Share, double Gflop, double Gigabytes, double Roofline, double PeakMb, double LiveMb, Counters? Counters);

    sealed record Result(string Model, int[] Input, bool Training, string Precision, string Device, bool Estimate, int? Threads, int? Steps, double PeakGflops, double MemoryGbPerSecond, double Ms, double? PlainMs, double? FastestMs,
        double? QueuedMs, double KernelMs, double? HostMs, double? IdleMs, double? CopyMs, double PeakMb, IReadOnlyList<Row> Rows);

    internal static Command Make()
    {
        Command command = Examples.On(new("profile", "Shows where a training step (or a forward pass) spends its time and memory: by layer, operation and phase, beside what the device's peak and memory allow. On cuda:emulated it shows what the emulator counted, and estimates for the GPU that it models, no measurements."),
            "dcls profile convnext_dcls_fashion", "dcls profile convnext_dcls_tiny --batch 8 --forward --top 15", "dcls profile two_dots --trace step.json", "dcls profile convnext_dcls_fashion --device cuda:emulated", "dcls profile convnext_dcls_fashion --precision bf16 --device cuda:emulated");
        command.Add(model);
        foreach (Option option in (ReadOnlySpan<Option>)[batch, size, forward, precision, steps, top, trace, seed, Options.Threads, Options.Device, Options.Deterministic, Options.Json, Options.Debug]) command.Add(option);
        command.SetAction(static (parsed, stop) => Task.Run(() => Measure(parsed, stop), CancellationToken.None));
        return command;
    }

    static int Measure(ParseResult parsed, CancellationToken stop)
    {
        Terminal terminal = new(parsed.GetValue(Options.Json));
        NamedModel named = NamedModels.Of(parsed.GetValue(model)!);
        int[] sample = parsed.GetValue(size) is not { } extent ? named.Sample : named.Sample is [_, _, var colours] ? [extent, extent, colours] : [extent, named.Sample[1]];
        Shape input = Shape.Create([parsed.GetValue(batch) ?? (sample.Length == 3 && sample[0] >= LargeImage ? LargeBatch : SmallBatch), .. sample]);
        using Device device = Options.OpenDevice(parsed, terminal);
        bool estimates = device is CudaDevice { Emulator: not null };
        if (estimates && parsed.GetValue(steps) is not null) throw new WrongInputException("an emulated GPU gives the same estimate in every step; leave --steps out");
        TrainingOptions options = Recipe.All.FirstOrDefault(r => r.Model == named.Name)?.Training ?? new();
        options = options with { Precision = Options.PrecisionOf(parsed.GetValue(precision)) ?? options.Precision };
        string computed = Options.WordOf(options.Precision), what = $"{(parsed.GetValue(forward) ? "forward pass" : "training step")}, {computed}";
        using NetworkStep step = new(device, named.Network, input, named.Classes, !parsed.GetValue(forward), parsed.GetValue(seed) ?? 0,
            options);
        string? file = parsed.GetValue(trace);
        using FileStream? to = file is null ? null : File.Create(file);         // before the work: a folder that is not there ends the command at once
        Measured measured = step.Measure(parsed.GetValue(steps), stop);
        if (to is not null) ChromeTrace.Write(to, measured.Profile, $"{named.Name} {input}, {what}, on {device.Name}{(estimates ? ", estimates" : "")}");
        Ceiling ceiling = Ceiling.Of(device, options.Precision == Precision.BFloat16 ? DType.BFloat16 : DType.Float32);
        ProfileTable table = ProfileTable.Of(measured.Profile, measured.Turns?.Profiled ?? measured.Profile.Seconds, 1e9 * ceiling.Gflops, 1e9 * ceiling.GigabytesPerSecond, ProfileTable.RestOf(device));
        terminal.Emit(Json(named, input, !parsed.GetValue(forward), computed, device, ceiling, measured.Turns, table));
        if (terminal.Json) return ExitCode.Done;
        terminal.Say(FormattableString.Invariant($"{named.Name} {input}, {what}, {step.Parameters:n0} parameters"));
        terminal.Say($"{ceiling}");
        int rows = parsed.GetValue(top) ?? 30;
        if (measured.Turns is { } turns) ProfileView.Show(terminal, table, turns, rows, device);
        else EstimateView.Show(terminal, table, rows);
        if (device is CudaDevice { Slower: { } slower }) terminal.Say(slower);
        if (file is not null) terminal.Say($"trace in {file}");
        return ExitCode.Done;
    }

    static Result Json(NamedModel named, Shape input, bool training, string precision, Device device, Ceiling ceiling, Turns? turns, ProfileTable table)
    {
        return new(named.Name, input.Dims.ToArray(), training, precision, device.Name, ceiling.IsEstimate, (device as CpuDevice)?.Workers.Threads, turns?.Pairs, Rounded(ceiling.Gflops), Rounded(ceiling.GigabytesPerSecond), Rounded(table.Ms),
            Ms(turns?.Plain), Ms(turns?.Fastest), Ms(turns?.Queued), Rounded(table.KernelMs),
            Rest(ProfileTable.Host), Rest(ProfileTable.Idle), Rest(ProfileTable.Copies), Rounded(table.PeakMb),
            [.. table.Rows.Select(r => new Row(r.Layer, r.Op, r.Phase, r.Calls, r.Kernels, Rounded(r.Ms), Rounded(r.Share), r.Gflop, r.Gigabytes, Rounded(r.Roofline), Rounded(r.PeakMb), Rounded(r.LiveMb),
                r.Counted is { } c ? Of(c) : null))]);

        double? Rest(string what) => what == ProfileTable.RestOf(device) ? Rounded(table.RestMs) : null;
    }

    static Counters Of(GpuCounters c) => new(c.Launches, c.WarpInstructions, c.FmaInstructions, c.MatrixMultiplyAdds, c.GlobalSectors, c.IdealGlobalSectors, c.SharedWavefronts, c.IdealSharedWavefronts,
        c.FootprintBytes, c.Bound, Enum.GetValues<Bound>().ToDictionary(static b => b.ToString().ToLowerInvariant(), b => 1e3 * c.SecondsOf(b)), 1e3 * c.UncountedSeconds);

    static double? Ms(double? seconds) => seconds is { } s ? Rounded(1e3 * s) : null;

    static double Rounded(double value) => Math.Round(value, 7);
}
