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
        Assert.Equal(["name", "shape", "precision", "median_ms", "min_ms", "max_ms", "gflops", "bound_ms"], line.EnumerateObject().Select(static p => p.Name));
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

    /// <summary>A batch of 2 is a quarter of 8; in bf16 an element has two bytes, and DCLS kernels stay float32.</summary>
    [Fact]
    public void Operations_have_a_batch_and_a_type()
    {
        WorkItem[] eight = [.. WorkItems.Single()], two = [.. WorkItems.Single(2, DType.BFloat16)];
        Assert.Equal(eight.Select(static i => i.Name), two.Select(static i => i.Name));
        Assert.Equal(two.Length, two.Select(static i => i.ToString()).Distinct().Count());
        Assert.Superset(WorkItems.All.Where(static i => !i.IsModel).Select(static i => i.ToString()).ToHashSet(), eight.Select(static i => i.ToString()).ToHashSet());
        foreach ((WorkItem large, WorkItem small) in eight.Zip(two).Where(static p => p.First.Name.StartsWith("dw_", StringComparison.Ordinal) || p.First.Name.EndsWith("norm_fwdbwd", StringComparison.Ordinal)))
            Assert.Equal((large.Amount.Macs / 4, large.Amount.Bytes / 8), (small.Amount.Macs, small.Amount.Bytes));
        foreach (string name in (string[])["construct_v0_fwdbwd", "construct_gauss_fwdbwd"])
            Assert.Equal(eight.Where(i => i.Name == name).Select(static i => (i.Shape, i.Amount)), two.Where(i => i.Name == name).Select(static i => (i.Shape, i.Amount)));
        Assert.Contains("linear_gelu_fwdbwd 6272x96x384", two.Select(static i => i.ToString()));
    }

    /// <summary>By the emulator: half the bytes, which are what a layer norm takes its time for.</summary>
    [Fact]
    public async Task Operations_are_timed_in_bf16()
    {
        using TemporaryFolder folder = new();
        JsonElement single = await Line("float32"), brain = await Line("bf16");
        Assert.Equal("1x56x56x96", brain.GetProperty("shape").GetString());
        Assert.True(brain.GetProperty("median_ms").GetDouble() < 0.7 * single.GetProperty("median_ms").GetDouble(), $"{single} {brain}");

        async Task<JsonElement> Line(string precision)
        {
            JsonElement line = (await Dcls.Run(folder.Path, $"bench ops --filter ^layer_norm --batch 1 --precision {precision} --device cuda:emulated --json")).Json;
            Assert.Equal(precision, line.GetProperty("precision").GetString());
            return line;
        }
    }

    /// <summary>Twice the machine is half the floor; twice the batch is nearly twice: parameters are not.</summary>
    [Fact]
    public void The_floor_of_a_step_follows_its_bytes_and_products()
    {
        NamedModel model = NamedModels.Of("convnext_dcls_speck");
        Ceiling slow = new("slow", 1000, 100), fast = new("fast", 2000, 200);
        double one = TrainingPace.FloorMs(model, 64, Precision.Float32, slow);
        Assert.Equal(one / 2, TrainingPace.FloorMs(model, 64, Precision.Float32, fast), 1e-9 * one);
        Assert.InRange(TrainingPace.FloorMs(model, 128, Precision.Float32, slow) / one, 1.8, 2);
        Assert.InRange(TrainingPace.FloorMs(model, 64, Precision.BFloat16, slow) / one, 0.5, 0.85);
    }
}
