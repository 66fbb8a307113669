using System.Runtime.InteropServices;

namespace MiniTorch;

/// <summary>
/// Watches the launches of one device on one thread: how long each took, what it cost, and which phase, layer and op it belongs to. While nobody profiles, a launch, a
/// recorded op and a layer each pay one branch on a static field.
/// </summary>
public sealed class Profile
{
    /// <summary>What is noted of a launch; the rest is worked out when the step is over, so that watching costs it little.</summary>
    record struct Launched(string Kernel, Op? Op, int Call, string Layer, string Phase, long Begin, long End, ICost? Cost, int Size, long LiveBytes, long PeakBytes);

    static int open;                        // profiles being taken, on all threads
    [ThreadStatic] static Profile? current;

    readonly Device device;
    readonly List<Launched> launches = new(1024);
    readonly List<(string Name, long Begin, long End)> phases = [];
    string phase = "", layer = "";
    Op? op;                                 // the op whose backward runs
    int call;
    int forward;                            // first launch of the op whose forward runs or ran last
    bool forwardEnded;
    long peak;

    Profile(Device device) => this.device = device;

    internal static Profile? Current => open == 0 ? null : current;

    /// <summary>Runs a step on this thread and returns what the device did in it. The device's peak measurement (<see cref="Pool.PeakBytes"/>) starts anew.</summary>
    /// <exception cref="TensorException">A profile is already being taken on this thread.</exception>
    public static StepProfile Of(Device device, Action step)
    {
        if (current is not null) throw new TensorException("Profile: a profile is already being taken on this thread; end it first");
        Profile profile = current = new(device);
        Interlocked.Increment(ref open);
        try
        {
            device.Pool.ResetPeak();
            long begin = device.Mark();
            step();
            return profile.Result(begin, device.Mark());
        }
        finally
        {
            current = null;
            Interlocked.Decrement(ref open);
        }
    }

    /// <summary>Until disposed, what is launched and recorded belongs to the layer of this path: a layer's Forward begins with it.</summary>
    public static Scope Layer(string path) => Current is { } profile ? profile.Enter(path, null, null) : default;

    /// <summary>Until disposed, what is launched belongs to this part of the step. Phases do not nest.</summary>
    public static Scope Phase(string name) => Current is { } profile ? profile.Enter("", null, name) : default;

    /// <summary>Until disposed, what is launched belongs to the backward of an op that was recorded in a layer.</summary>
    internal Scope Backward(Op op, string? layer) => Enter(layer ?? "", op, null);

    /// <summary>When a launch on a device begins.</summary>
    internal long Begin(Device on) => on == device ? device.Mark() : 0;

    /// <summary>A launch for elements of a size in bytes is over.</summary>
    internal void End(Device on, string kernel, long begin, ICost? cost, int size)
    {
        if (on != device) return;
        long end = device.Mark();
        if (op is null && forwardEnded)
        {
            (forward, forwardEnded) = (launches.Count, false);
            call++;
        }
        long highest = device.Pool.PeakBytes;
        device.Pool.ResetPeak();
        peak = Math.Max(peak, highest);
        launches.Add(new(kernel, op, call, layer, phase, begin, end, cost, size, device.Pool.LiveBytes, highest));
        if (op is null && !Tape.Recording) call++;
    }

    /// <summary>An op is done with its forward kernels and asks whether it is to be recorded.</summary>
    internal void ForwardEnds()
    {
        if (forwardEnded) forward = launches.Count;     // it launched nothing
        forwardEnded = true;
    }

    /// <summary>An op is recorded: the launches of its forward get its name. Returns the layer it is made in.</summary>
    internal string Records(Op made)
    {
        if (op is not null) return layer;
        foreach (ref Launched launch in CollectionsMarshal.AsSpan(launches)[forward..]) (launch.Op, launch.Call) = (made, call);
        (forward, forwardEnded) = (launches.Count, true);
        return layer;
    }

    Scope Enter(string path, Op? running, string? part)
    {
        Scope scope = new(this, layer, op, phase, part is null ? 0 : device.Mark());
        (layer, op) = (path, running);
        if (running is not null) call++;
        if (part is not null) phase = part;
        forwardEnded = true;
        return scope;
    }

    StepProfile Result(long begin, long end)
    {
        double At(long mark) => device.Seconds(begin, mark);
        return new([.. launches.ConvertAll(l => new KernelRun(l.Kernel, l.Op?.Name ?? Family(l.Kernel), l.Call, l.Layer, l.Phase, At(l.Begin), At(l.End), l.Cost?.Cost(l.Size), l.LiveBytes, l.PeakBytes,
            device.Counted(l.Begin, l.End)))],
            [.. phases.ConvertAll(p => new PhaseRun(p.Name, At(p.Begin), At(p.End)))], At(end), Math.Max(peak, device.Pool.PeakBytes));
    }

    /// <summary>A kernel's name up to its dot: the op it belongs to, where none was recorded.</summary>
    static string Family(string kernel)
    {
        int dot = kernel.IndexOf('.', StringComparison.Ordinal);
        return dot < 0 ? kernel : kernel[..dot];
    }

    /// <summary>Ends with <c>using</c>.</summary>
    public readonly ref struct Scope
    {
        readonly Profile? profile;
        readonly string? layer, phase;
        readonly Op? op;
        readonly long begin;

        internal Scope(Profile profile, string layer, Op? op, string phase, long begin)
            => (this.profile, this.layer, this.op, this.phase, this.begin) = (profile, layer, op, phase, begin);

        /// <summary>What was before goes on.</summary>
        public void Dispose()
        {
            if (profile is null) return;
            if (profile.phase != phase) profile.phases.Add((profile.phase, begin, profile.device.Mark()));
            (profile.layer, profile.op, profile.phase) = (layer!, op, phase!);
            profile.forwardEnded = true;
        }
    }
}
