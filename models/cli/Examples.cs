using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace MiniTorch.Cli;

/// <summary>Help that ends with examples.</summary>
sealed class Examples(params string[] lines) : SynchronousCommandLineAction
{
    readonly HelpAction help = new();

    /// <summary>Gives a command its own help.</summary>
    internal static Command On(Command command, params string[] lines)
    {
        command.Options.Add(new HelpOption { Action = new Examples(lines) });
        return command;
    }

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        int code = help.Invoke(parseResult);
        TextWriter output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (string line in lines) output.WriteLine("  " + line);
        return code;
    }
}
