using System.Globalization;
using System.Text.Json;
using MiniTorch.Models;

namespace MiniTorch.Bundle;

/// <summary>All tests in as many processes as it takes: one that dies, hangs or loses the GPU has failed the test it was at, and the next process goes on behind it.</summary>
sealed class TestRuns(Progress progress)
{
    static readonly TimeSpan patience = TimeSpan.FromSeconds(90);       // for one test, compiling included
    static readonly TimeSpan slack = TimeSpan.FromSeconds(10);          // for the test that runs when the time is up

    readonly List<TestLine> ended = [];
    TestLine? begun;

    internal IReadOnlyList<TestLine> Ended => ended;

    /// <summary>How many tests there are; 0 if none began.</summary>
    internal int Count { get; private set; }

    internal int Of(string outcome) => ended.Count(e => e.Outcome == outcome);

    internal void Run()
    {
        for (int next = 0; ;)
        {
            begun = null;
            double left = progress.Limit.TotalSeconds - progress.Seconds;
            if (left <= 0) return;
            string[] words = ["tests", "--from", $"{next}", "--seconds", left.ToString(CultureInfo.InvariantCulture)];
            Ending ending = Child.Run(Path.Combine(Child.Folder, "run"), words, TimeSpan.FromSeconds(left) + slack, patience, Note);
            string why = ending.ExitCode is int code ? $"the process ended with exit code {code}: {string.Join("; ", ending.Errors)}" : "it was ended, as it took too long";
            if (begun is not null) ended.Add(begun with { Outcome = "failed", Message = why });
            if (ended.Count == next)
            {
                ended.Add(new(next, Count, "the tests", "failed", 0, $"no test began: {string.Join("; ", ending.Errors)}"));
                return;
            }
            next = ended.Count;
            if (next >= Count || ending.ExitCode is 0 or GpuTests.TimeUp) return;
        }
    }

    void Note(string line)
    {
        if (!line.StartsWith('{') || JsonSerializer.Deserialize<TestLine>(line, RunJson.Line) is not { } told) return;
        Count = told.Count;
        begun = told.Outcome is null ? told : null;
        if (told.Outcome is not null) ended.Add(told);
        progress.Now = $"{ended.Count} of {told.Count}, {Of("failed")} failed: {told.Name}";
    }
}
