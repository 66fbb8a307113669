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
    public async Task An_emulated_gpu_shows_estimates_and_counters()
    {
        using TemporaryFolder folder = new();
        Outcome text = await Dcls.Run(folder.Path, "profile convnext_dcls_nano --batch 1 --device cuda:emulated --top 5"), o = await Dcls.Run(folder.Path, "profile convnext_dcls_nano --batch 1 --device cuda:emulated --json");
        Assert.True(text.ExitCode == 0 && o.ExitCode == 0, text.Errors + o.Errors);
        Assert.Contains("estimates for H100, 132 multiprocessors at 1.755 GHz, from the counters of an emulator; nothing is measured", text.Output, StringComparison.Ordinal);
        Assert.Contains("launches of PTX", text.Output, StringComparison.Ordinal);
        JsonElement result = JsonDocument.Parse(Assert.Single(o.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))).RootElement;
        Assert.Equal("cuda:emulated", result.GetProperty("device").GetString());
        JsonElement[] rows = [.. result.GetProperty("rows").EnumerateArray()];
        JsonElement drawn = Assert.Single(rows, static r => (r.GetProperty("op").GetString(), r.GetProperty("phase").GetString()) == ("DclsKernel", "forward"));
        Assert.Equal(1, drawn.GetProperty("counters").GetProperty("launches").GetInt64());
        Assert.True(drawn.GetProperty("counters").GetProperty("instructions").GetInt64() > 1000);
        Assert.Equal("issue", drawn.GetProperty("bound").GetString());
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
