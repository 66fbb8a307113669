using System.Text.Json;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.CommandLine;

public sealed class ProfileTests
{
    [Theory]
    [InlineData("convnext-dcls-speck", "", "DclsKernel backward")]
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
    public async Task Json_of_an_emulated_gpu_has_counters_and_no_time_of_the_host()
    {
        using TemporaryFolder folder = new();
        Outcome o = await Dcls.Run(folder.Path, "profile convnext_dcls_speck --batch 2 --device cuda:emulated --json --trace step.json");
        Assert.True(o.ExitCode == 0, o.Errors);
        JsonElement result = JsonDocument.Parse(Assert.Single(o.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))).RootElement;
        Assert.Equal(("emulated H100", true), (result.GetProperty("device").GetString(), result.GetProperty("estimate").GetBoolean()));
        Assert.Empty(result.EnumerateObject().Select(static p => p.Name).Intersect(["threads", "steps", "plain_ms", "fastest_ms", "queued_ms", "host_ms", "idle_ms"]));
        JsonElement[] rows = [.. result.GetProperty("rows").EnumerateArray()];
        Assert.Equal(result.GetProperty("ms").GetDouble(), rows.Sum(static r => r.GetProperty("ms").GetDouble()), 1e-7 * rows.Length);
        Assert.All(rows.Where(static r => r.GetProperty("kernels").GetInt32() > 0), static r => Assert.Equal(["launches", "warp_instructions", "fma_instructions", "matrix_multiply_adds", "global_sectors",
            "ideal_global_sectors", "shared_wavefronts", "ideal_shared_wavefronts", "footprint_bytes", "bound", "ms_by_bound", "uncounted_ms"], r.GetProperty("counters").EnumerateObject().Select(static p => p.Name)));
        Assert.Contains("issue", rows.Where(static r => r.TryGetProperty("counters", out _)).Select(static r => r.GetProperty("counters").GetProperty("bound").GetString()));
        using FileStream trace = File.OpenRead(Path.Combine(folder.Path, "step.json"));
        JsonElement[] kernels = [.. JsonDocument.Parse(trace).RootElement.GetProperty("traceEvents").EnumerateArray().Where(static e => e.TryGetProperty("cat", out JsonElement c) && c.GetString() == "kernel")];
        Assert.Equal(rows.Sum(static r => r.GetProperty("kernels").GetInt32()), kernels.Length);
        Assert.Equal(Sum(rows.Where(static r => r.TryGetProperty("counters", out _)).Select(static r => r.GetProperty("counters"))), Sum(kernels.Select(static k => k.GetProperty("args"))));

        static long Sum(IEnumerable<JsonElement> counters) => counters.Sum(static c => c.GetProperty("warp_instructions").GetInt64());
    }

    /// <summary>Half the bytes an element, products at the rate of the tensor cores, and the precision in table, JSON and trace.</summary>
    [Fact]
    public async Task A_step_in_mixed_precision_says_so_everywhere()
    {
        using TemporaryFolder folder = new();
        JsonElement single = await Json("float32"), brain = await Json("bf16"), tf32 = await Json("tf32");
        Assert.Equal((59304.96, 588416.4, 294208.2), (Peak(single), Peak(brain), Peak(tf32)));
        Assert.InRange(Norms(brain) / Norms(single), 0.45, 0.55);
        Assert.Contains("RoundedParameters", Ops(brain));
        Assert.DoesNotContain("RoundedParameters", Ops(tf32));
        Assert.Contains("training step, bf16, on emulated H100", await File.ReadAllTextAsync(Path.Combine(folder.Path, "bf16.json"), TestContext.Current.CancellationToken));
        Outcome table = await Dcls.Run(folder.Path, "profile convnext_dcls_speck --batch 2 --device cuda:emulated --precision bf16 --top 1 --forward");
        Assert.StartsWith("convnext_dcls_speck [2, 28, 28, 1], forward pass, bf16, ", table.Output);

        async Task<JsonElement> Json(string precision)
        {
            JsonElement result = (await Dcls.Run(folder.Path, $"profile convnext_dcls_speck --batch 2 --device cuda:emulated --precision {precision} --json --trace {precision}.json")).Json;
            Assert.Equal(precision, result.GetProperty("precision").GetString());
            return result;
        }

        static double Peak(JsonElement result) => Math.Round(result.GetProperty("peak_gflops").GetDouble(), 2);
        static string[] Ops(JsonElement result) => [.. result.GetProperty("rows").EnumerateArray().Select(static r => r.GetProperty("op").GetString()!)];
        static double Norms(JsonElement result) => result.GetProperty("rows").EnumerateArray().Where(static r => r.GetProperty("op").GetString() == "LayerNorm").Sum(static r => r.GetProperty("gigabytes").GetDouble());
    }

    [Fact]
    public async Task The_table_of_an_emulated_gpu_says_that_it_estimates()
    {
        using TemporaryFolder folder = new();
        Outcome o = await Dcls.Run(folder.Path, "profile two_dots --batch 2 --size 16 --device cuda:emulated --top 3");
        Assert.True(o.ExitCode == 0, o.Errors);
        string[] lines = o.Output.Split('\n');
        Assert.Equal(2, lines.Count(static l => l.Contains("emulated", StringComparison.Ordinal)));
        Assert.Contains(lines, static l => l.Contains("no measurement", StringComparison.Ordinal));
        Assert.Contains(lines, static l => l.StartsWith("layer ", StringComparison.Ordinal) && l.Contains("µs") && l.Contains("bound"));
        foreach (string part in (ReadOnlySpan<string>)["estimate", "bounds", "libraries", "memory", "biggest"]) Assert.Contains(lines, l => l.StartsWith(part + " ", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, static l => l.StartsWith("host", StringComparison.Ordinal) || l.StartsWith("step", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_table_shows_as_many_rows_as_wanted_and_a_summary()
    {
        using TemporaryFolder folder = new();
        Outcome o = await Dcls.Run(folder.Path, "profile convnext_speck --batch 2 --steps 1 --top 3");
        Assert.True(o.ExitCode == 0, o.Errors);
        string[] lines = o.Output.Split('\n');
        int head = Array.FindIndex(lines, static l => l.StartsWith("layer ", StringComparison.Ordinal)), total = Array.FindIndex(lines, static l => l.StartsWith("total ", StringComparison.Ordinal));
        Assert.Equal(3 + 1, total - head - 1);
        foreach (string part in (ReadOnlySpan<string>)["step", "kernels", "host", "memory", "biggest"]) Assert.Contains(lines, l => l.StartsWith(part + " ", StringComparison.Ordinal));
    }
}
