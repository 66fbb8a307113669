using System.CommandLine;
using MiniTorch.Models;
using MiniTorch.Models.Bench;
using MiniTorch.Models.Profiling;

namespace MiniTorch.Cli;

/// <summary>dcls profile: where a step of a network spends its time and memory.</summary>
static class ProfileCommand
{
    const int LargeImage = 128, LargeBatch = 8, SmallBatch = 32, Biggest = 5;

    static readonly Argument<string> model = new("MODEL") { Description = $"One of: {NamedModels.Names}." };
    static readonly Option<int?> batch = Options.Number<int>("--batch", "Images in a step (default: 8, or 32 of small images).", "N", 1);
    static readonly Option<int?> size = Options.Number<int>("--size", "Height and width of the images (default: the model's usual).", "N", 1);
    static readonly Option<bool> forward = new("--forward") { Description = "Only the forward pass without a graph (default: a training step)." };
    static readonly Option<int?> steps = Options.Number<int>("--steps", "Steps measured after the warm-up, with and without a profile in turns (default: at least 5, for 2 s).", "N", 1);
    static readonly Option<int?> top = Options.Number<int>("--top", "Rows of the table (default: 30).", "N", 1);
    static readonly Option<ulong?> seed = Options.Number<ulong>("--seed", "Key of weights and images (default: 0).", "N", 0);
    static readonly Option<string?> trace = new("--trace") { Description = "Write a trace that chrome://tracing and ui.perfetto.dev open.", HelpName = "FILE" };

    sealed record Row(string Layer, string Op, string Phase, int Calls, int Kernels, double Ms, double Share, double Gflop, double Gigabytes, double Roofline, double PeakMb, double LiveMb);

    sealed record Result(string Model, int[] Input, bool Training, int Threads, int Steps, double PeakGflops, double MemoryGbPerSecond, double Ms, double PlainMs, double FastestMs, double KernelMs, double HostMs,
        double PeakMb, IReadOnlyList<Row> Rows);

    internal static Command Make()
    {
        Command command = Examples.On(new("profile", "Shows where a training step (or a forward pass) spends its time and memory: by layer, operation and phase, beside what this machine's peak and memory allow."),
            "dcls profile convnext_dcls_fashion", "dcls profile convnext_dcls_tiny --batch 8 --forward --top 15", "dcls profile two_dots --trace step.json");
        command.Add(model);
        foreach (Option option in (ReadOnlySpan<Option>)[batch, size, forward, steps, top, trace, seed, Options.Threads, Options.Device, Options.Json, Options.Debug]) command.Add(option);
        command.SetAction(static (parsed, stop) => Task.Run(() => Measure(parsed, stop), CancellationToken.None));
        return command;
    }

    static int Measure(ParseResult parsed, CancellationToken stop)
    {
        Terminal terminal = new(parsed.GetValue(Options.Json));
        NamedModel named = NamedModels.Of(parsed.GetValue(model)!);
        int height = parsed.GetValue(size) ?? named.Sample[0], width = parsed.GetValue(size) ?? named.Sample[1];
        Shape input = [parsed.GetValue(batch) ?? (height >= LargeImage ? LargeBatch : SmallBatch), height, width, named.Sample[2]];
        using CpuDevice device = Options.OpenProcessor(parsed, terminal);
        using NetworkStep step = new(device, named.Network, input, named.Classes, !parsed.GetValue(forward), parsed.GetValue(seed) ?? 0,
            Recipe.All.FirstOrDefault(r => r.Model == named.Name)?.Training);
        string? file = parsed.GetValue(trace);
        using FileStream? to = file is null ? null : File.Create(file);         // before the work: a folder that is not there ends the command at once
        Measured measured = step.Measure(parsed.GetValue(steps), stop);
        if (to is not null) ChromeTrace.Write(to, measured.Profile, $"{named.Name} {input}");
        Ceiling ceiling = Ceiling.Of(device);
        ceiling.Dispose();                  // its figures stay
        ProfileTable table = ProfileTable.Of(measured.Profile, measured.ProfiledSeconds, 1e9 * ceiling.Gflops, 1e9 * ceiling.GigabytesPerSecond);
        terminal.Emit(new Result(named.Name, input.Dims.ToArray(), !parsed.GetValue(forward), device.Workers.Threads, measured.Pairs, Rounded(ceiling.Gflops), Rounded(ceiling.GigabytesPerSecond),
            Rounded(table.Ms), Rounded(1e3 * measured.PlainSeconds), Rounded(1e3 * measured.FastestSeconds), Rounded(table.KernelMs), Rounded(table.HostMs), Rounded(table.PeakMb),
            [.. table.Rows.Select(static r => new Row(r.Layer, r.Op, r.Phase, r.Calls, r.Kernels, Rounded(r.Ms), Rounded(r.Share), r.Gflop, r.Gigabytes, Rounded(r.Roofline), Rounded(r.PeakMb), Rounded(r.LiveMb)))]));
        if (terminal.Json) return ExitCode.Done;
        terminal.Say(FormattableString.Invariant($"{named.Name} {input}, {(parsed.GetValue(forward) ? "forward pass" : "training step")}, {step.Parameters:n0} parameters"));
        terminal.Say(FormattableString.Invariant($"{Ceiling.Processor()}, {device.Workers.Threads} threads: peak {ceiling.Gflops:0} GFLOP/s, memory {ceiling.GigabytesPerSecond:0} GB/s"));
        Draw(terminal, table, parsed.GetValue(top) ?? 30);
        Sum(terminal, table, measured);
        if (file is not null) terminal.Say($"trace in {file}");
        return ExitCode.Done;
    }

    static void Draw(Terminal terminal, ProfileTable table, int rows)
    {
        ProfileRow[] shown = [.. table.Rows.Take(rows)], rest = [.. table.Rows.Skip(rows)];
        int layer = Math.Max(12, shown.Max(static r => r.Layer.Length)) + 2, op = Math.Max(8, shown.Max(static r => r.Op.Length)) + 2;
        string Line(string l, string o, string phase, string others) => l.PadRight(layer) + o.PadRight(op) + phase.PadRight(11) + others;
        terminal.Say("");
        terminal.Say(Line("layer", "op", "phase", $"{"calls",5}{"ms",11}{"%",7}{"GFLOP/s",9}{"GB/s",7}{"roofline",10}{"peak MB",9}"));
        foreach (ProfileRow r in shown)
            terminal.Say(Line(r.Layer, r.Op, r.Phase, r.Kernels == 0 ? FormattableString.Invariant($"{"",5}{r.Ms,11:0.000}{100 * r.Share,7:0.0}")
                : FormattableString.Invariant($"{r.Calls,5}{r.Ms,11:0.000}{100 * r.Share,7:0.0}{r.GflopPerSecond,9:0.0}{r.GigabytesPerSecond,7:0.0}{r.Roofline,10:0 %}{r.PeakMb,9:0.0}")));
        if (rest.Length > 0)
            terminal.Say(Line($"{rest.Length} more", "", "", FormattableString.Invariant($"{rest.Sum(static r => r.Calls),5}{rest.Sum(static r => r.Ms),11:0.000}{100 * rest.Sum(static r => r.Share),7:0.0}")));
        terminal.Say(Line("total", "", "", FormattableString.Invariant(
            $"{table.Rows.Sum(static r => r.Calls),5}{table.Rows.Sum(static r => r.Ms),11:0.000}{100 * table.Rows.Sum(static r => r.Share),7:0.0}{"",26}{table.PeakMb,9:0.0}")));
    }

    static void Sum(Terminal terminal, ProfileTable table, Measured measured)
    {
        double plain = 1e3 * measured.PlainSeconds, fastest = 1e3 * measured.FastestSeconds;
        terminal.Say("");
        terminal.Say(FormattableString.Invariant($"step      {table.Ms:0.000} ms profiled, {plain:0.000} ms without ({100 * (table.Ms / plain - 1):+0.0;-0.0} %; fastest {fastest:0.000} ms): medians of {measured.Pairs} steps in turns"));
        terminal.Say(FormattableString.Invariant($"kernels   {table.KernelMs:0.000} ms ({100 * table.KernelMs / table.Ms:0.0} %), {table.Rows.Sum(static r => r.Kernels)} launches"));
        terminal.Say(FormattableString.Invariant($"host      {table.HostMs:0.000} ms ({100 * table.HostMs / table.Ms:0.0} %): graph, memory, code between kernels"));
        double stalls = table.Ms - table.KernelMs - table.HostMs;
        if (stalls > 0.01 * table.Ms) terminal.Say(FormattableString.Invariant($"machine   {stalls:0.000} ms ({100 * stalls / table.Ms:0.0} %): stalls that hit now this kernel, now that; other processes"));
        terminal.Say(FormattableString.Invariant($"memory    {table.PeakMb:0.0} MB at most"));
        terminal.Say("biggest   " + string.Join("; ", table.Biggest(Biggest).Select(b => FormattableString.Invariant($"{b.Op} {b.Phase} {b.Ms:0.0} ms ({100 * b.Ms / table.Ms:0} %)"))));
    }

    static double Rounded(double value) => Math.Round(value, 4);
}
