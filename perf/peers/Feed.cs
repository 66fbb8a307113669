using System.Diagnostics;
using System.Globalization;

namespace Peers;

/// <summary>One side of a comparison: prepares a work item in one of its forms, and repeats it when told to.</summary>
interface IContender : IDisposable
{
    /// <summary>The forms of a work item, the first one the usual.</summary>
    IReadOnlyList<string> Forms(string name, string shape);

    /// <summary>
    /// Makes a work item ready, does it once and writes what came out. Operands and results are safetensors files in <paramref name="folder"/>; the first
    /// contender writes the operands, the others read them.
    /// </summary>
    void Prepare(string name, string shape, string form, string folder);

    /// <summary>Does the work once.</summary>
    void Run();

    /// <summary>Before a turn, outside of all times: lets go of what earlier repetitions left behind.</summary>
    void Rest();

    /// <summary>Most memory that the first repetition needed, its operands included: resident bytes, and bytes by the contender's own count (0 if it has none).</summary>
    (long Resident, long Counted) Memory { get; }
}

/// <summary>
/// The protocol between the comparison and its contenders: a line in, a line out, fields separated by tabs. forms NAME SHAPE; prepare NAME SHAPE FORM FOLDER;
/// run N, which answers the time of one of N repetitions in ms; memory; quit. Answers start with ok or error.
/// </summary>
static class Feed
{
    internal const string Operands = "operands.safetensors";

    internal static string Results(string form) => $"results-{form}.safetensors";

    internal static int Serve(IContender contender, TextReader input, TextWriter output)
    {
        using (contender)
            while (input.ReadLine()?.Split('\t') is { } line && line[0] != "quit")
            {
                string answer;
                try
                {
                    answer = "ok\t" + Answer(contender, line);
                }
                catch (Exception e)
                {
                    answer = $"error\t{e.GetType().Name}: {e.Message.Split('\n')[0]}";
                }
                output.WriteLine(answer);
                output.Flush();
            }
        return 0;
    }

    static string Answer(IContender contender, string[] line)
    {
        switch (line)
        {
            case ["forms", string name, string shape]:
                return string.Join('\t', contender.Forms(name, shape));
            case ["prepare", string name, string shape, string form, string folder]:
                contender.Prepare(name, shape, form, folder);
                return "";
            case ["run", string count]:
                int repetitions = int.Parse(count, CultureInfo.InvariantCulture);
                contender.Rest();
                long start = Stopwatch.GetTimestamp();
                for (int i = 0; i < repetitions; i++) contender.Run();
                return (Stopwatch.GetElapsedTime(start).TotalMilliseconds / repetitions).ToString(CultureInfo.InvariantCulture);
            case ["memory"]:
                (long resident, long counted) = contender.Memory;
                return FormattableString.Invariant($"{resident}\t{counted}");
            default:
                throw new FormatException($"not understood: {string.Join(' ', line)}");
        }
    }
}

/// <summary>Memory that a piece of work takes, as the kernel counts it: how far the resident set rose above where it was.</summary>
sealed class ResidentPeak
{
    const string Status = "/proc/self/status", Reset = "/proc/self/clear_refs";
    readonly long before;

    internal ResidentPeak()
    {
        File.WriteAllText(Reset, "5");      // the high-water mark starts anew from the present resident set
        before = Kilobytes("VmRSS:");
    }

    internal long Bytes => Math.Max(0, Kilobytes("VmHWM:") - before) * 1024;

    static long Kilobytes(string name)
    {
        string line = File.ReadLines(Status).First(l => l.StartsWith(name, StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}
