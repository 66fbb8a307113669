using System.Diagnostics;
using System.Globalization;

namespace MiniTorch.Perf;

/// <summary>A contender in a process of its own that waits for orders, in one form of one work item. Disposing ends it.</summary>
sealed class Child : IDisposable
{
    const double Enough = 60;               // ms: shorter work is repeated within one turn
    const int Most = 60;
    static readonly TimeSpan settling = TimeSpan.FromSeconds(1.5);
    static readonly TimeSpan patience = TimeSpan.FromSeconds(5);

    readonly Process process;
    readonly List<double> times = [];
    int repetitions = 1;

    internal Child(string form, ProcessStartInfo start)
    {
        Form = form;
        (start.RedirectStandardInput, start.RedirectStandardOutput) = (true, true);
        process = Process.Start(start) ?? throw new IOException($"cannot start {start.FileName}");
    }

    /// <summary>The form it is in.</summary>
    internal string Form { get; }

    /// <summary>Times of its turns, in ms a repetition.</summary>
    internal IReadOnlyList<double> Times => times;

    /// <summary>Bytes that the first repetition needed: resident, and by its own count.</summary>
    internal (long Resident, long Counted) Memory()
    {
        string[] answer = Ask("memory");
        return (long.Parse(answer[0], CultureInfo.InvariantCulture), long.Parse(answer[1], CultureInfo.InvariantCulture));
    }

    /// <summary>All forms that it knows of a work item.</summary>
    internal string[] Forms(string name, string shape) => Ask("forms", name, shape);

    /// <summary>Makes the work ready, does it once and writes operands or results to a folder.</summary>
    internal void Prepare(string name, string shape, string folder) => Ask("prepare", name, shape, Form, folder);

    /// <summary>
    /// Repetitions that do not count, the shortest time of which is returned: for a while, since a just-in-time compiler and a caching allocator have to see some of the work
    /// before they have settled. They also tell how often short work is to be repeated within a turn.
    /// </summary>
    internal double WarmUp()
    {
        Stopwatch all = Stopwatch.StartNew();
        double ms = Ms(1);
        while (all.Elapsed < settling) ms = Math.Min(ms, Ms((int)Math.Clamp(Enough / ms, 1, Most)));
        repetitions = (int)Math.Clamp(Math.Ceiling(Enough / ms), 1, Most);
        return ms;
    }

    /// <summary>One turn. Short work begins with some repetitions that do not count: while the others had theirs, its caches and its cores cooled down.</summary>
    internal double Turn()
    {
        if (repetitions > 1) Ms((repetitions + 1) / 2);
        double ms = Ms(repetitions);
        times.Add(ms);
        return ms;
    }

    /// <summary>Forgets the turns so far.</summary>
    internal void Restart() => times.Clear();

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.StandardInput.Close();              // the end of its orders
            if (!process.WaitForExit(patience)) process.Kill();
        }
        process.Dispose();
    }

    double Ms(int count) => double.Parse(Ask("run", count.ToString(CultureInfo.InvariantCulture))[0], CultureInfo.InvariantCulture);

    string[] Ask(params ReadOnlySpan<string> order)
    {
        process.StandardInput.WriteLine(string.Join('\t', order));
        process.StandardInput.Flush();
        string[] answer = (process.StandardOutput.ReadLine() ?? throw new IOException($"the process of {Form} ended")).Split('\t');
        return answer[0] == "ok" ? answer[1..] : throw new IOException($"{Form}: {(answer.Length > 1 ? answer[1] : answer[0])}");
    }
}
