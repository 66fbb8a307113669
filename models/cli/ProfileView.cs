using MiniTorch.Models.Profiling;

namespace MiniTorch.Cli;

/// <summary>A measured profile as a table and a summary.</summary>
static class ProfileView
{
    const int Biggest = 5;

    internal static void Show(Terminal terminal, ProfileTable table, Turns turns, int rows, Device device)
    {
        TableLines.Draw(terminal, table, rows, TimeUnit.Milliseconds, $"{"GFLOP/s",9}{"GB/s",7}{"roofline",10}{"peak MB",9}",
            static r => FormattableString.Invariant($"{r.GflopPerSecond,9:0.0}{r.GigabytesPerSecond,7:0.0}{r.Roofline,10:0 %}{r.PeakMb,9:0.0}"),
            FormattableString.Invariant($"{"",26}{table.PeakMb,9:0.0}"));
        double plain = 1e3 * turns.Plain, fastest = 1e3 * turns.Fastest;
        terminal.Say("");
        terminal.Say(FormattableString.Invariant($"step      {table.Ms:0.000} ms profiled, {plain:0.000} ms without ({100 * (table.Ms / plain - 1):+0.0;-0.0} %; fastest {fastest:0.000} ms): medians of {turns.Pairs} steps in turns"));
        terminal.Say(FormattableString.Invariant($"kernels   {table.KernelMs:0.000} ms ({100 * table.KernelMs / table.Ms:0.0} %), {table.Rows.Sum(static r => r.Kernels)} launches"));
        bool gpu = device is CudaDevice;
        (string rest, string what) = gpu ? ("idle", "the GPU waited for the host, or copied from and to it") : ("host", "graph, memory, code between kernels");
        terminal.Say(FormattableString.Invariant($"{rest}      {table.RestMs:0.000} ms ({100 * table.RestMs / table.Ms:0.0} %): {what}"));
        if (gpu) terminal.Say(FormattableString.Invariant($"host      {1e3 * turns.Queued:0.000} ms to queue a step without a profile ({100 * turns.Queued / turns.Plain:0} % of its {plain:0.000} ms)"));
        double stalls = table.Ms - table.KernelMs - table.RestMs;
        if (stalls > 0.01 * table.Ms) terminal.Say(FormattableString.Invariant($"machine   {stalls:0.000} ms ({100 * stalls / table.Ms:0.0} %): stalls that hit now this kernel, now that; other processes"));
        terminal.Say(FormattableString.Invariant($"memory    {table.PeakMb:0.0} MB at most"));
        terminal.Say(TableLines.BiggestOf(table, Biggest, TimeUnit.Milliseconds));
    }
}
