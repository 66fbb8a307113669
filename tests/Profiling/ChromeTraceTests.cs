using System.Text.Json;
using MiniTorch.Models.Profiling;

namespace MiniTorch.Tests.Profiling;

public sealed class ChromeTraceTests
{
    static readonly string[] depth = ["step", "phase", "layer", "op", "kernel"];

    /// <summary>Events come in order of their begin; each lies within the open one of the category before.</summary>
    [Fact]
    public void Events_nest_from_step_to_kernel()
    {
        StepProfile step = ProfileTests.Nano(training: true);
        using MemoryStream file = new();
        ChromeTrace.Write(file, step, "nano");
        JsonElement[] events = [.. JsonDocument.Parse(file.ToArray()).RootElement.GetProperty("traceEvents").EnumerateArray()];
        JsonElement[] spans = [.. events.Where(static e => e.GetProperty("ph").GetString() == "X").OrderBy(Begin).ThenBy(Level)];
        (decimal Begin, decimal End)[] open = new (decimal, decimal)[depth.Length];
        decimal[] last = new decimal[depth.Length];
        foreach (JsonElement e in spans)
        {
            int level = Level(e);
            decimal begin = Begin(e), end = begin + e.GetProperty("dur").GetDecimal();
            Assert.True(begin <= end && (level == 0 || open[level - 1].Begin <= begin && end <= open[level - 1].End), e.ToString());
            Assert.True(last[level] <= begin, $"{e} begins before its neighbour ends");
            (open[level], last[level]) = ((begin, end), end);
        }
        Assert.Equal(["step"], Named("step"));
        Assert.Equal(["forward", "loss", "backward", "optimizer"], Named("phase"));
        Assert.Equal(step.Kernels.Select(static k => k.Kernel), Named("kernel"));
        Assert.Contains("stages.0.0.dwconv", Named("layer"));
        Assert.Contains("DclsKernel", Named("op"));
        Assert.All(spans.Where(static e => Level(e) == depth.Length - 1), static e =>
        {
            JsonElement args = e.GetProperty("args");
            Assert.True(args.GetProperty("shape").GetString()!.Length > 0 && args.GetProperty("bytes").GetDouble() > 0 && args.GetProperty("flops").GetDouble() >= 0);
        });
        Assert.Equal(step.Kernels.Count, events.Count(static e => e.GetProperty("ph").GetString() == "C"));

        string[] Named(string category) => [.. spans.Where(e => e.GetProperty("cat").GetString() == category).Select(static e => e.GetProperty("name").GetString()!)];
    }

    static decimal Begin(JsonElement e) => e.GetProperty("ts").GetDecimal();

    static int Level(JsonElement e) => Array.IndexOf(depth, e.GetProperty("cat").GetString());
}
