using System.CommandLine;
using System.Diagnostics;
using System.Text.RegularExpressions;
using MiniTorch.Models;
using MiniTorch.Models.Bench;

namespace MiniTorch.Cli;

/// <summary>dcls bench: how long operations and networks take on a device, beside what its peak and its memory allow.</summary>
static class BenchCommand
{
    static readonly Argument<string> what = new("WHAT") { Description = "ops (single operations), model (networks that are watched), or the name of a model." };
    static readonly Option<string?> filter = new("--filter") { Description = "Only work whose name and shape match this regular expression.", HelpName = "REGEX" };

    static readonly Option<int?> batch = Options.Number<int>("--batch", "Samples: of ops (default: 8); with the name of a model, time its training steps as dcls train does them, on a GPU as a graph.", "N", 1);
    static readonly Option<int?> steps = Options.Number<int>("--steps", "With --batch and a model: how many steps are timed (default: 20).", "N", 1);
    static readonly Option<string?> precision = Options.OneOf("--precision", "Of ops, or with --batch and a model: what to compute in, TF32 and bf16 on a CUDA device (default: float32).", Options.Precisions);

    sealed record Pace(string Model, string Precision, int Batch, double MedianMs, double MinMs, double MaxMs, double ImagesPerSecond, double PeakMb, double FloorMs);

    sealed record Result(string Name, string Shape, string Precision, double MedianMs, double MinMs, double MaxMs, double Gflops, double BoundMs);

    internal static Command Make()
    {
        Command command = Examples.On(new("bench", "Times operations (ops) or networks (model): median and shortest time, useful work, and the time that the device's peak and memory allow. Times on cuda:emulated are estimates for the GPU that it models, no measurements."),
            "dcls bench ops", "dcls bench ops --filter \"dw_.* k17\" --json", "dcls bench model --filter forward", "dcls bench caformer_s18", "dcls bench ops --filter layer_norm --device cuda",
            "dcls bench ops --filter dw_ --batch 128 --precision bf16 --device cuda", "dcls bench convnext_dcls_tiny --batch 128 --precision bf16 --device cuda");
        command.Add(what);
        foreach (Option option in (ReadOnlySpan<Option>)[filter, batch, steps, precision, Options.Threads, Options.Device, Options.Deterministic, Options.Json, Options.Debug]) command.Add(option);
        command.SetAction(static (parsed, stop) => Task.Run(() => Measure(parsed, stop), CancellationToken.None));
        return command;
    }

    static int Measure(ParseResult parsed, CancellationToken stop)
    {
        Terminal terminal = new(parsed.GetValue(Options.Json));
        string kind = parsed.GetValue(what)!;
        int? samples = parsed.GetValue(batch);
        if (samples is { } many && kind is not ("ops" or "model")) return MeasureSteps(parsed, terminal, kind, many, stop);
        if (parsed.GetValue(steps) is not null) throw new WrongInputException("--steps goes with --batch and the name of a model");
        if (kind != "ops" && (samples is not null || parsed.GetValue(precision) is not null)) throw new WrongInputException("--batch and --precision go with ops, or together with the name of a model");
        Precision computed = Options.PrecisionOf(parsed.GetValue(precision)) ?? Precision.Float32;
        WorkItem[] items = [.. Matching(kind, parsed.GetValue(filter), samples, computed == Precision.BFloat16 ? DType.BFloat16 : DType.Float32)];
        if (items.Length == 0) throw new WrongInputException($"no work of {kind} matches; dcls bench {kind} without --filter shows all");
        using Device device = Options.OpenDevice(parsed, terminal);
        Ceiling ceiling = Ceiling.Of(device, MixedPrecision.TypeOn(device, computed));
        terminal.Say($"{ceiling}");
        if (ceiling.IsEstimate) terminal.Say($"every time below is an {Estimates.Warning}");
        terminal.Say($"{"work",-38}{"shape",-22}{"median ms",11}{"min ms",11}{"GFLOP/s",9}{"bound ms",10}{"of bound",10}");
        Stopwatch clock = Stopwatch.StartNew();
        for (int i = 0; i < items.Length; i++)
        {
            WorkItem item = items[i];
            Status(terminal, i, items.Length, clock.Elapsed, item);
            Timing t;
            using (Workload work = item.Prepare(device)) t = Timing.Of(work, stop);
            Result r = new(item.Name, item.Shape, Options.WordOf(computed), Rounded(t.MedianMs), Rounded(t.MinMs), Rounded(t.MaxMs), Rounded(item.Amount.Gflops(t.MedianMs)), Rounded(item.Amount.BoundMs(ceiling)));
            terminal.Emit(r);
            terminal.Say(FormattableString.Invariant($"{r.Name,-38}{r.Shape,-22}{r.MedianMs,11:0.000}{r.MinMs,11:0.000}{r.Gflops,9:0.0}{r.BoundMs,10:0.000}{r.BoundMs / r.MedianMs,10:0 %}"));
        }
        return ExitCode.Done;
    }

    static int MeasureSteps(ParseResult parsed, Terminal terminal, string name, int samples, CancellationToken stop)
    {
        NamedModel model = NamedModels.Of(name);
        using Device device = Options.OpenDevice(parsed, terminal);
        if (device is CudaDevice { Emulator: not null }) throw new WrongInputException($"the clock says nothing of {device}; dcls profile {model.Name} --device cuda:emulated shows estimates");
        Precision kind = Options.PrecisionOf(parsed.GetValue(precision)) ?? Precision.Float32;
        using TrainingPace pace = new(device, model, samples, kind);
        double floor = TrainingPace.FloorMs(model, samples, kind, Ceiling.Of(device, MixedPrecision.TypeOn(device, kind)));
        (double[] ms, long peak) = pace.Measure(parsed.GetValue(steps) ?? 20, stop);
        double median = ms.Order().ElementAt(ms.Length / 2);
        Pace r = new(model.Name, parsed.GetValue(precision) ?? "float32", samples, Rounded(median), Rounded(ms.Min()), Rounded(ms.Max()), Math.Round(1e3 * samples / median, 1), Math.Round(peak / 1e6, 1), Rounded(floor));
        terminal.Emit(r);
        terminal.Say(FormattableString.Invariant($"{r.Model}, training step, batch {r.Batch}, {r.Precision}, on {device}: {r.MedianMs:0.00} ms ({r.MinMs:0.00} to {r.MaxMs:0.00}), {r.ImagesPerSecond:0.0} images/s, {r.PeakMb:0} MB at most; {r.FloorMs:0.00} ms at least by what the device can do"));
        return ExitCode.Done;
    }

    static IEnumerable<WorkItem> Matching(string kind, string? pattern, int? samples, DType type)
    {
        try
        {
            return WorkItems.Matching(kind switch
            {
                "ops" => samples is { } many ? WorkItems.Single(many, type) : WorkItems.Single(type: type),
                "model" => WorkItems.All.Where(static i => i.IsModel),
                _ => NamedModels.Find(kind) is { } model ? WorkItems.Of(model) : throw new WrongInputException($"bench measures ops, model or a model by name (dcls models lists them), got '{kind}'"),
            }, pattern);
        }
        catch (RegexParseException e)
        {
            throw new WrongInputException($"--filter '{pattern}' is no regular expression: {e.Message}", e);
        }
    }

    /// <summary>What is being measured and how long the rest may take; only where somebody watches.</summary>
    static void Status(Terminal terminal, int done, int all, TimeSpan elapsed, WorkItem item)
    {
        if (Console.IsErrorRedirected || terminal.IsPiped) return;
        string left = done == 0 ? "" : FormattableString.Invariant($", ETA {(all - done) * elapsed.TotalSeconds / done:0} s");
        Console.Error.Write($"{done + 1} of {all}{left}: {item}\e[K\r");
    }

    static double Rounded(double value) => Math.Round(value, 6);
}
