using System.Diagnostics;
using System.Text;

namespace MiniTorch.Perf.Bundle;

/// <summary>A program that was run: what it wrote, how it ended, and when.</summary>
sealed record Child(int ExitCode, string Output, string Errors, TimeSpan Elapsed, bool TimedOut)
{
    /// <summary>The last line of its errors.</summary>
    internal string LastError => Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault() ?? $"exit code {ExitCode}";

    /// <summary>Runs a program, with the tests on the GPU; it is killed with its children when the time is over. <paramref name="waiting"/> is called every second.</summary>
    internal static Child Run(string program, string[] arguments, TimeSpan limit, Action<TimeSpan>? waiting = null)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["MINITORCH_TEST_GPU"] = "cuda";
        Stopwatch clock = Stopwatch.StartNew();
        try
        {
            using Process process = Process.Start(start)!;
            StringBuilder output = new(), errors = new();
            process.OutputDataReceived += (_, e) => Append(output, e.Data);
            process.ErrorDataReceived += (_, e) => Append(errors, e.Data);
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            while (!process.WaitForExit(1000) && clock.Elapsed < limit) waiting?.Invoke(clock.Elapsed);
            bool over = !process.HasExited;
            if (over) process.Kill(entireProcessTree: true);
            process.WaitForExit();
            lock (output)
                lock (errors) return new(process.ExitCode, output.ToString(), errors.ToString(), clock.Elapsed, over);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return new(-1, "", $"{program} cannot be started: {e.Message}", clock.Elapsed, false);
        }

        static void Append(StringBuilder to, string? line)
        {
            if (line is null) return;
            lock (to) to.Append(line).Append('\n');
        }
    }
}
