using System.Text.Json;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.CommandLine;

public sealed class ProfileTests
{
    [Theory]
    [InlineData("convnext-dcls-nano", "", "DclsKernel backward")]
    [InlineData("two_dots", "--forward --size 16", "DclsKernel forward")]
    public async Task Json_rows_add_up_and_the_trace_is_written(string model, string options, string row)
    {
        using TemporaryFolder folder = new();
        Outcome o = await Dcls.Run(folder.Path, $"profile {model} --batch 2 --steps 2 --threads 1 {options} --json --trace step.json");
        Assert.True(o.ExitCode == 0, o.Errors);
        JsonElement result = JsonDocument.Parse(Assert.Single(o.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))).RootElement;
        JsonElement[] rows = [.. result.GetProperty("rows").EnumerateArray()];
        Assert.Equal(["layer", "op", "phase", "calls", "kernels", "ms", "share", "gflop", "gigabytes", "roofline", "peak_mb", "live_mb"], rows[0].EnumerateObject().Select(static p => p.Name));
        Assert.Equal(result.GetProperty("ms").GetDouble(), rows.Sum(static r => r.GetProperty("ms").GetDouble()), 1e-4 * rows.Length);
        Assert.Contains(row, rows.Select(static r => $"{r.GetProperty("op").GetString()} {r.GetProperty("phase").GetString()}"));
        using FileStream trace = File.OpenRead(Path.Combine(folder.Path, "step.json"));
        Assert.True(JsonDocument.Parse(trace).RootElement.GetProperty("traceEvents").GetArrayLength() > rows.Length);
    }

    [Fact]
    public async Task The_table_shows_as_many_rows_as_wanted_and_a_summary()
    {
        using TemporaryFolder folder = new();
        Outcome o = await Dcls.Run(folder.Path, "profile convnext_nano --batch 2 --steps 1 --top 3");
        Assert.True(o.ExitCode == 0, o.Errors);
        string[] lines = o.Output.Split('\n');
        int head = Array.FindIndex(lines, static l => l.StartsWith("layer ", StringComparison.Ordinal)), total = Array.FindIndex(lines, static l => l.StartsWith("total ", StringComparison.Ordinal));
        Assert.Equal(3 + 1, total - head - 1);
        foreach (string part in (ReadOnlySpan<string>)["step", "kernels", "host", "memory", "biggest"]) Assert.Contains(lines, l => l.StartsWith(part + " ", StringComparison.Ordinal));
    }
}
