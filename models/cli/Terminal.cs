using System.Text.Json;
using MiniTorch.Models;
using Spectre.Console;

namespace MiniTorch.Cli;

/// <summary>
/// Where a command writes. With --json standard output carries JSON only and everything said goes to standard error; without, what is said goes to standard
/// output. Errors and warnings are always one line on standard error.
/// </summary>
sealed class Terminal(bool json)
{
    const int PipedWidth = 200;

    readonly TextWriter said = json ? Console.Error : Console.Out;

    /// <summary>True if standard output carries JSON.</summary>
    internal bool Json => json;

    /// <summary>True if nobody watches: plain lines instead of a moving bar.</summary>
    internal bool IsPiped => json ? Console.IsErrorRedirected : Console.IsOutputRedirected;

    /// <summary>For bars and trees.</summary>
    internal IAnsiConsole Ansi { get; } = MakeConsole(json);

    /// <summary>A line for people.</summary>
    internal void Say(string line) => said.WriteLine(line);

    /// <summary>A JSON object on a line of its own, if asked for.</summary>
    internal void Emit(object value)
    {
        if (json) Console.Out.WriteLine(JsonSerializer.Serialize(value, RunJson.Line));
    }

    /// <summary>Work whose progress is shown as a bar with the remaining time while somebody watches: it is given what to tell how many of all are done.</summary>
    internal T Watch<T>(string name, int all, Func<Action<int>?, T> work)
    {
        if (IsPiped) return work(null);
        T made = default!;
        Ansi.Progress().AutoClear(true).Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn()).Start(context =>
        {
            ProgressTask task = context.AddTask(name, maxValue: all);
            made = work(done => task.Value = Math.Max(task.Value, done));
        });
        return made;
    }

    /// <summary>Something the user should know that stops nothing.</summary>
    internal static void Warn(string message) => Console.Error.WriteLine("warning: " + OneLine(message));

    /// <summary>The one line of a failure.</summary>
    internal static void Fail(string message) => Console.Error.WriteLine("error: " + OneLine(message));

    static IAnsiConsole MakeConsole(bool json)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(json ? Console.Error : Console.Out) });
        if (json ? Console.IsErrorRedirected : Console.IsOutputRedirected) console.Profile.Width = PipedWidth;
        return console;
    }

    /// <summary>What a message quotes, such as names in a file, may hold anything: nothing of it reaches the terminal as a command.</summary>
    static string OneLine(string text)
        => string.Concat(string.Join(' ', text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Select(static c => char.IsControl(c) ? '\uFFFD' : c));
}
