using System.Diagnostics;
using System.Text.Json;
using MiniTorch.Cuda;

namespace MiniTorch.Tests.CommandLine;

/// <summary>What a run of the program gave.</summary>
public sealed record Outcome(int ExitCode, string Output, string Errors)
{
    public string[] ErrorLines => Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The object that a run which went well wrote.</summary>
    public JsonElement Json
    {
        get
        {
            Assert.True(ExitCode == 0, Errors);
            return JsonDocument.Parse(Output).RootElement;
        }
    }
}

/// <summary>Runs the built program as its users do.</summary>
public static class Dcls
{
    static readonly string program = Path.Combine(AppContext.BaseDirectory, "dcls.dll");
    static readonly TimeSpan patience = TimeSpan.FromMinutes(2);

    public static Process Start(string folder, string arguments, params (string Name, string Value)[] environment)
    {
        ProcessStartInfo start = new("dotnet", $"\"{program}\" {arguments}") { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment.Remove(CudaLibraries.Variable);           // tests beside this one may have set it, to their stand-in for a driver
        start.Environment["XDG_CACHE_HOME"] = Path.Combine(Path.GetFullPath(folder), ".cache");
        foreach ((string name, string value) in environment) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    public static async Task<Outcome> Run(string folder, string arguments, params (string Name, string Value)[] environment)
    {
        using Process process = Start(folder, arguments, environment);
        return await End(process);
    }

    public static async Task<Outcome> End(Process process)
    {
        using CancellationTokenSource limit = new(patience);
        Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token), errors = process.StandardError.ReadToEndAsync(limit.Token);
        try
        {
            await process.WaitForExitAsync(limit.Token);
            return new(process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }
}
