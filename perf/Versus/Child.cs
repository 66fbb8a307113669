using System.Diagnostics;
using System.Globalization;

namespace MiniTorch.Perf;

/// <summary>A contender in a process of its own that waits for orders, in one form of one work item. Disposing ends it.</summary>
sealed class Child : IDisposable
{
    const double Enough = 15;               // ms: shorter work is repeated within one turn
    const int Most = 20;
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

    /// <summary>Repetitions that do not count, the shorter time of which is returned; they also tell how often short work is to be repeated within a turn.</summary>
    internal double WarmUp()
    {
        double ms = Ms(1);
        if (ms < 10 * Enough) ms = Math.Min(ms, Ms(1));
        repetitions = (int)Math.Clamp(Math.Ceiling(Enough / ms), 1, Most);
        return ms;
    }

    /// <summary>One turn.</summary>
    internal double Turn()
    {
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
