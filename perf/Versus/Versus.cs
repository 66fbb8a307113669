using System.Globalization;
using System.Reflection;
using MiniTorch.Models.Bench;
using Peers;

namespace MiniTorch.Perf;

/// <summary>
/// perf versus: this project beside libtorch, in one run. Every contender is a process of its own that does one turn at a time, in alternation, so that a slow moment of the
/// machine strikes all of them; each computes the same from the same operands, and nobody is timed whose results differ.
/// </summary>
sealed class Versus(Peer peer, Ceiling machine, VersusArguments arguments)
{
    const int TrialTurns = 5;
    const double StillInTheRace = 1.25;     // a formulation that is slower than the fastest by more than this drops out after its trial
    static readonly TimeSpan rest = TimeSpan.FromMilliseconds(15);      // until threads that spin after their work have gone to sleep

    readonly Status status = new();

    internal static int Run(string[] args)
    {
        try
        {
            return Compare(args);
        }
        catch (UsageException e)
        {
            Console.Error.WriteLine($"perf versus: {e.Message}");
            return 2;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            Console.Error.WriteLine($"perf versus: {e.Message}; it needs the programs dotnet and git (apt-get install git)");
            return 2;
        }
    }

    /// <summary>The other side of the protocol: perf serve --threads N, started by the comparison.</summary>
    internal static int Serve(string[] args)
    {
        if (args is not ["--threads", string text] || !int.TryParse(text, CultureInfo.InvariantCulture, out int threads) || threads < 1)
        {
            Console.Error.WriteLine("perf serve: takes --threads N and then orders on standard input; it is started by versus");
            return 2;
        }
        return Feed.Serve(new OurContender(threads), Console.In, Console.Out);
    }

    static int Compare(string[] args)
    {
        VersusArguments a = VersusArguments.Of(args);
        string root = History.Root();
        using CpuDevice device = new(a.Threads);
        Peer peer = Peer.Build(root, a.Threads);
        double load = Load();
        Ceiling machine = Ceiling.Of(device);
        Versus versus = new(peer, machine, a);
        History history = new(root, a.Threads);
        if (!a.Json)
        {
            Console.WriteLine(FormattableString.Invariant($"{history.Cpu}, {a.Threads} threads each: peak {machine.Gflops:0} GFLOP/s, memory {machine.GigabytesPerSecond:0} GB/s, load before {load:0.0}; ms, medians of {a.Pairs} pairs"));
            Console.WriteLine(Row.Header);
        }
        List<Row> rows = [];
        bool failed = false;
        foreach (WorkItem item in a.Items)
        {
            versus.status.Begin(item, a.Items);
            (bool agreed, Row? row) = versus.Measure(item);
            failed |= !agreed;
            if (row is null) continue;
            rows.Add(row);
            Show(row);
        }
        if (Row.OfProducts(rows) is { } all) Show(all);
        if (rows.Any(static r => r.PeerAsFast == false)) Console.Error.WriteLine("* the peer was more than 1.3 times slower than on a like machine (2 idle cores of Zen 3): there the row does not count");
        return failed ? 1 : 0;

        void Show(Row row)
        {
            row = history.Signed(row) with { LoadBefore = load };
            versus.status.End();
            if (a.Json) Console.WriteLine(History.Json(row));
            else Console.WriteLine(row.Line() + (row.MemoryLine() is { } memory ? Environment.NewLine + memory : ""));
            if (a.Save) history.Append(row);
        }
    }

    /// <summary>One row; none if somebody's results are not ours, or nothing was to be timed.</summary>
    (bool Agreed, Row? Row) Measure(WorkItem item)
    {
        string folder = Directory.CreateTempSubdirectory("versus-").FullName;
        List<Child> peers = [];
        try
        {
            using Child ours = StartOurs();
            status.Say("ours: prepares");
            ours.Prepare(item.Name, item.Shape, folder);
            Dictionary<string, double> forms = [];
            foreach (string form in Names(item).OrderBy(IsPublished))      // those that stay come last: several at a time would not fit into memory
            {
                status.Say($"{form}: prepares");
                Child candidate = peer.Start(form);
                peers.Add(candidate);
                candidate.Prepare(item.Name, item.Shape, folder);
                if (Difference(folder, form) is { } difference)
                {
                    Fail($"{item}: {form} does not compute what ours does ({difference}); not timed");
                    return default;
                }
                if (arguments.OnlyCheck)
                {
                    peers.Clear();
                    candidate.Dispose();
                    continue;
                }
                forms[form] = candidate.WarmUp();
                if (IsPublished(form)) continue;
                for (int i = 0; i < TrialTurns; i++) Turn(candidate);
                forms[form] = candidate.Times.Min();
                DropOut(peers, forms, item);
            }
            if (arguments.OnlyCheck) return (true, null);
            ours.WarmUp();
            foreach (Child p in peers) p.Restart();
            for (int pair = 0; pair < arguments.Pairs; pair++)
            {
                status.Say($"pair {pair + 1} of {arguments.Pairs}, {peers.Count} formulations of the peer");
                Turn(ours);
                foreach (Child p in peers) Turn(p);
            }
            foreach (Child p in peers) forms[p.Form] = Timing.Of(p.Times).MedianMs;
            return (true, Row.Of(item, machine, ours, peers, forms, arguments.Pairs));
        }
        catch (IOException e)
        {
            Fail($"{item}: {e.Message}");
            return default;
        }
        finally
        {
            foreach (Child p in peers) p.Dispose();
            Directory.Delete(folder, recursive: true);
        }
    }

    void Fail(string message)
    {
        status.End();
        Console.Error.WriteLine($"perf versus: {message}");
    }

    /// <summary>The files are large: nothing of them stays in memory while time is measured.</summary>
    static string? Difference(string folder, string form)
        => Agreement.Difference(Read(folder, Feed.Operands), Read(folder, Feed.Results(OurContender.Form)), Read(folder, Feed.Results(form)));

    static Safetensors Read(string folder, string file) => Safetensors.Read(Path.Combine(folder, file));

    string[] Names(WorkItem item)
    {
        using Child scout = peer.Start("official");
        return scout.Forms(item.Name, item.Shape);
    }

    /// <summary>The published formulations stay, of the others those that are nearly as fast as the fastest, of training steps the fastest alone: memory would not hold all.</summary>
    static void DropOut(List<Child> peers, Dictionary<string, double> forms, WorkItem item)
    {
        double worst = (item.Name.EndsWith("train_step", StringComparison.Ordinal) ? 1 : StillInTheRace) * peers.Min(p => forms[p.Form]);
        foreach (Child p in peers.Where(p => forms[p.Form] > worst).ToArray())
        {
            peers.Remove(p);
            p.Dispose();
        }
    }

    static bool IsPublished(string form) => form is "official" or "best_layout";

    static void Turn(Child child)
    {
        Task.Delay(rest).Wait();
        child.Turn();
    }

    Child StartOurs() => new(OurContender.Form, new("dotnet", [Assembly.GetExecutingAssembly().Location, "serve", "--threads", arguments.Threads.ToString(CultureInfo.InvariantCulture)]));

    static double Load() => File.Exists("/proc/loadavg") ? double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture) : 0;
}
