using System.CommandLine;
using System.CommandLine.Help;
using MiniTorch.Models;

namespace MiniTorch.Cli;

static class Program
{
    /// <summary>How long a command may take to finish its step and save after Ctrl-C before the process is ended.</summary>
    static readonly TimeSpan terminationTimeout = TimeSpan.FromMinutes(10);

    static Task<int> Main(string[] args) => RunAsync(args);

    /// <summary>Runs a command line; every failure is one line on standard error and an exit code.</summary>
    static async Task<int> RunAsync(string[] args)
    {
        bool debug = args.Contains(Options.Debug.Name);
        try
        {
            RootCommand root = new("dcls trains and runs networks with dilated convolutions with learnable spacings (DCLS).");
            root.Add(TrainCommand.Make());
            root.Add(ConfigCommand.Make());
            root.Add(EvalCommand.Make());
            root.Add(PredictCommand.Make());
            root.Add(ModelsCommand.Make());
            root.Add(RasterCommand.Make());
            root.Add(ExportCommand.Make());
            root.Add(ConvertCommand.Make());
            root.Add(SummaryCommand.Make());
            root.Add(KernelCommand.Make());
            root.Add(DataCommand.Make());
            root.Add(BenchCommand.Make());
            root.Add(ProfileCommand.Make());
            root.Add(DoctorCommand.Make());
            ParseResult parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
            string? misspelt = args.TakeWhile(static a => a != "--")
                .FirstOrDefault(a => a.Length > 1 && a[0] == '-' && !char.IsDigit(a[1]) && !Knows(parsed.CommandResult.Command, a));
            bool asksForHelp = parsed.Action is HelpAction or Examples;
            if (misspelt is not null || parsed.Errors.Count > 0 && !asksForHelp)
            {
                Terminal.Fail(Explain(parsed, misspelt));
                return ExitCode.WrongInput;
            }
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = terminationTimeout });
        }
        catch (Exception e)
        {
            int code = CodeOf(e);
            bool more = e.InnerException is CheckpointProblemsException && !debug;
            Terminal.Fail(code == ExitCode.Fault ? $"internal fault, {e.GetType().Name}: {e.Message}{(debug ? "" : " (--debug shows where)")}" : e.Message + (more ? " (--debug shows all)" : ""));
            if (debug) Console.Error.WriteLine(e.ToString());
            return code;
        }
    }

    static int CodeOf(Exception e) => e switch
    {
        NoDeviceException => ExitCode.NoDevice,
        OperationCanceledException => ExitCode.Interrupted,
        ArgumentNullException or ArgumentOutOfRangeException => ExitCode.Fault,
        CudaException { IsOutOfMemory: true } or WrongInputException or ArgumentException or InvalidDataException or IOException or UnauthorizedAccessException or DivergedException => ExitCode.WrongInput,
        _ => ExitCode.Fault,
    };

    /// <summary>Whether this is an option of the command. The parser itself would take a misspelt one as the argument RECIPE or IMAGE.</summary>
    static bool Knows(Command command, string token)
    {
        string name = token.Split('=', ':')[0];
        return command.Options.Any(o => o.Name == name || o.Aliases.Contains(name)) || command is RootCommand && name == "--version";
    }

    static string Explain(ParseResult parsed, string? misspelt)
    {
        Command command = parsed.CommandResult.Command;
        string help = $"{Path(command)} --help";
        string? unknown = misspelt ?? (parsed.UnmatchedTokens is [string first, ..] ? first : null);
        if (unknown is null) return $"{parsed.Errors[0].Message.TrimEnd('.')}; see {help}";
        string[] known = misspelt is not null ? [.. command.Options.Select(static o => o.Name)] : [.. command.Subcommands.Select(static c => c.Name)];
        string? near = known.Where(k => Distance(k, unknown) <= 1 + unknown.Length / 4).OrderBy(k => Distance(k, unknown)).FirstOrDefault();
        string kind = misspelt is not null ? "option" : command is RootCommand ? "command" : "argument";
        return $"unknown {kind} '{unknown}'; {(near is null ? "" : $"did you mean {near}? ")}see {help}";
    }

    /// <summary>The words that lead to a command: dcls data speech.</summary>
    static string Path(Command command) => command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? $"{Path(parent)} {command.Name}" : "dcls";

    /// <summary>Letters to add, drop or change to turn one word into the other.</summary>
    static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(changed, 1 + Math.Min(row[j], row[j - 1]));
            }
        }
        return row[^1];
    }
}
