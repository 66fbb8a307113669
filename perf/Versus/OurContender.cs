using MiniTorch.Models.Bench;
using Peers;

namespace MiniTorch.Perf;

/// <summary>This project as a contender, in a process of its own like the peer.</summary>
sealed class OurContender(int threads) : IContender
{
    internal const string Form = "ours";

    readonly CpuDevice device = new(threads);
    Workload? work;

    public (long Resident, long Counted) Memory { get; private set; }

    public IReadOnlyList<string> Forms(string name, string shape) => [Form];

    public void Prepare(string name, string shape, string form, string folder)
    {
        work?.Dispose();
        work = WorkItems.Of(name, shape).Prepare(device);
        work.Operands().Write(Path.Combine(folder, Feed.Operands));
        long held = device.Pool.LiveBytes;
        device.Pool.ResetPeak();
        ResidentPeak peak = new();
        work.Results(() => Memory = (held + peak.Bytes, device.Pool.PeakBytes)).Write(Path.Combine(folder, Feed.Results(form)));
    }

    public void Run() => work!.Run();

    /// <summary>Nothing is left behind: a step gives back what it took.</summary>
    public void Rest() { }

    public void Dispose()
    {
        work?.Dispose();
        device.Dispose();
    }
}
