using System.Text.Json;
using MiniTorch.Models;
using MiniTorch.Models.Bench;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.CommandLine;

public sealed class BenchTests
{
    [Theory, InlineData("cpu", "peak"), InlineData("cuda:emulated", "no measurement")]
    public async Task Measures_what_the_filter_chooses(string device, string said)
    {
        using TemporaryFolder folder = new();
        Outcome o = await Dcls.Run(folder.Path, $"bench ops --filter LAYER_NORM.*x96 --json --device {device}");
        Assert.Equal(0, o.ExitCode);
        Assert.Contains(said, o.Errors);
        JsonElement line = JsonDocument.Parse(Assert.Single(o.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))).RootElement;
        Assert.Equal(["name", "shape", "median_ms", "min_ms", "gflops", "bound_ms"], line.EnumerateObject().Select(static p => p.Name));
        Assert.Equal(("layer_norm_fwdbwd", "8x56x56x96"), (line.GetProperty("name").GetString(), line.GetProperty("shape").GetString()));
        Assert.True(line.GetProperty("min_ms").GetDouble() > 0 && line.GetProperty("bound_ms").GetDouble() > 0);
    }

    [Fact]
    public async Task A_model_is_timed_by_its_name()
    {
        using TemporaryFolder folder = new();
        Outcome o = await Dcls.Run(folder.Path, "bench convnext_dcls_speck --json");
        Assert.Equal(0, o.ExitCode);
        JsonElement[] lines = [.. o.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static l => JsonDocument.Parse(l).RootElement)];
        Assert.Equal(["convnext_dcls_speck_forward", "convnext_dcls_speck_train_step"], lines.Select(static l => l.GetProperty("name").GetString()!));
        Assert.All(lines, static l => Assert.Equal("32x28x28x1", l.GetProperty("shape").GetString()));
    }

    [Fact]
    public void Work_items_have_names_and_shapes_of_their_own()
    {
        Assert.Equal(WorkItems.All.Count, WorkItems.All.Select(static i => i.ToString()).Distinct().Count());
        Assert.Equal(24, WorkItems.Matching("^gemm").Count);
        Assert.Same(WorkItems.Of("dw_fwdbwd", "N8 C768 H7 k17"), Assert.Single(WorkItems.Matching("dw_fwdbwd N8 C768")));
    }

    /// <summary>Known figures: 4.46 G multiply-adds an image of 224×224, padding left out 0.5 % fewer; a 17×17 window on 7×7 maps meets 49 cells of 289 at each place.</summary>
    [Fact]
    public void Work_is_counted_where_it_touches_data()
    {
        Assert.InRange(WorkItems.Of("convnext_t_forward", "8x224x224x3").Amount.Macs / 8e9, 4.42, 4.46);
        double depthwise = 0;
        foreach ((int blocks, int c, int n) in (ReadOnlySpan<(int, int, int)>)[(3, 96, 56), (3, 192, 28), (9, 384, 14), (3, 768, 7)])
        {
            int inside = 0;
            for (int i = 0; i < n; i++)
                for (int k = i - 8; k <= i + 8; k++)
                    if (k >= 0 && k < n) inside++;
            depthwise += (double)blocks * c * (17L * 17 * n * n - (long)inside * inside);
        }
        Assert.Equal(8 * (NamedModels.Of("convnext_dcls_tiny").Size().Macs - depthwise), WorkItems.Of("convnext_t_dcls_v0_k17n34_forward", "8x224x224x3").Amount.Macs);
        Assert.Equal(3.0 * 8 * 768 * 49 * 49, WorkItems.Of("dw_fwdbwd", "N8 C768 H7 k17").Amount.Macs);
    }
}
