using System.Globalization;
using System.Text.Json;
using MiniTorch.Models;
using MiniTorch.Tests.CommandLine;

namespace MiniTorch.Tests.Models;

/// <summary>Sizes of the models that can be asked for by name.</summary>
public sealed class NamedModelTests
{
    /// <summary>ResNet50: pairs of channels of all 3×3 convolutions, and of one of each width.</summary>
    const int Spatial50 = 3 * 64 * 64 + 4 * 128 * 128 + 6 * 256 * 256 + 3 * 512 * 512, Widths50 = 64 * 64 + 128 * 128 + 256 * 256 + 512 * 512;

    /// <summary>
    /// Parameters: the authors' or timm's figures; of DCLS forms, arithmetic on the replaced layers. Multiply-accumulates: the published G to the last digit, where one is
    /// published for the same input and the same way of counting.
    /// </summary>
    [Theory]
    [InlineData("convnext_atto", 3_695_520, "")]
    [InlineData("convnext_femto", 5_217_784, "")]
    [InlineData("convnext_pico", 9_045_672, "")]
    [InlineData("convnext_nano", 15_593_560, "")]
    [InlineData("convnext_tiny", 28_589_128, "4.456")]
    [InlineData("convnext_small", 50_223_688, "8.684")]
    [InlineData("convnext_base", 88_591_464, "15.355")]
    [InlineData("convnext_large", 197_767_336, "34.361")]
    [InlineData("convnext_xlarge", 350_196_968, "60.921")]
    [InlineData("convnext_isotropic_small", 22_308_712, "4.3")]
    [InlineData("convnext_isotropic_base", 87_083_752, "16.9")]
    [InlineData("convnext_isotropic_large", 305_942_504, "59.7")]
    [InlineData("convnext_dcls_tiny", 28_587_688, "4.97")]
    [InlineData("convnext_dcls_small", 50_217_064, "9.52")]
    [InlineData("convnext_dcls_base", 88_582_632, "16.5")]
    [InlineData("convnext_dcls_gauss_tiny", 28_586_536, "5.49")]
    [InlineData("convformer_s18", 26_774_448, "")]
    [InlineData("convformer_s36", 40_012_152, "")]
    [InlineData("convformer_m36", 57_051_640, "")]
    [InlineData("convformer_b36", 99_882_616, "")]
    [InlineData("caformer_s18", 26_341_656, "")]
    [InlineData("caformer_s36", 39_297_102, "")]
    [InlineData("caformer_m36", 56_204_878, "")]
    [InlineData("caformer_b36", 98_753_614, "")]
    [InlineData("convformer_dcls_s18", 26_848_432, "")]
    [InlineData("caformer_dcls_s18", 26_350_488, "")]
    [InlineData("resnet50", 25_557_032, "4.089184256")]
    [InlineData("resnet50_dcls", 25_557_032 - (9 - 5) * Spatial50 + 2 * 5 * Widths50, "")]
    public void Parameters_and_work_are_the_published_ones(string name, long parameters, string gigaMacs)
    {
        ModelSize size = NamedModels.Of(name).Size();
        Assert.Equal(parameters, size.Parameters);
        if (gigaMacs.Length > 0) Assert.Equal(gigaMacs, Giga(size.Macs, gigaMacs));
    }

    /// <summary>Published in millions.</summary>
    [Theory]
    [InlineData("fastvit_sa24", 21.5)]
    [InlineData("fastvit_sa36", 31.5)]
    [InlineData("fastvit_ma36", 44.1)]
    [InlineData("fastvit_dcls_sa24", 21.5)]
    public void FastViT_is_as_large_as_published(string name, double millions) => Assert.InRange(NamedModels.Of(name).Size().Parameters / 1e6, millions - 0.06, millions + 0.06);

    /// <summary>timm's figures count operations of norms beside the multiply-accumulates: 5 for each value of a layer norm, 2 for each of a batch norm.</summary>
    [Theory]
    [InlineData("convformer_s18", "3.96")]
    [InlineData("convformer_s36", "7.67")]
    [InlineData("convformer_m36", "12.89")]
    [InlineData("convformer_b36", "22.69")]
    [InlineData("caformer_s18", "4.13")]
    [InlineData("caformer_s36", "8.00")]
    [InlineData("caformer_m36", "13.29")]
    [InlineData("caformer_b36", "23.22")]
    [InlineData("fastvit_sa24", "3.8")]
    [InlineData("fastvit_sa36", "5.6")]
    [InlineData("fastvit_ma36", "7.9")]
    public void Work_with_norms_is_the_published_one(string name, string giga)
    {
        ModelSize size = NamedModels.Of(name).Size();
        Assert.Equal(giga, Giga(size.Macs + 5 * Values("LayerNorm") + 2 * Values("BatchNorm"), giga));

        long Values(string kind) => size.Layers.Where(l => l.Kind.StartsWith(kind, StringComparison.Ordinal)).Sum(static l => l.Output.Count);
    }

    static string Giga(long operations, string like) => (operations / 1e9).ToString("F" + (like.Length - 1 - like.IndexOf('.', StringComparison.Ordinal)), CultureInfo.InvariantCulture);

    /// <summary>What is counted without values is what the model has and does with them.</summary>
    [Theory, InlineData("convnext_dcls_speck"), InlineData("two_dots")]
    public void Nothing_but_the_values_is_missing_on_the_device_of_shapes(string name)
    {
        NamedModel named = NamedModels.Of(name);
        using CpuDevice device = new(1);
        (ILayer model, ParameterStore store) = ParameterStore.Build(at => named.Network.Build(at, Shape.Create(named.Sample), named.Classes), device);
        using ParameterStore owner = store;
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        ModelSize size = named.Size();
        Assert.Equal(store.ParameterCount, size.Parameters);
        Assert.Equal(Trace.Of(() => model.Forward(Tensor.Zeros(Shape.Create([1, .. named.Sample]), device: device))), size.Layers);
    }

    [Fact]
    public async Task The_program_lists_every_model_on_a_line()
    {
        Outcome o = await CommandLine.Dcls.Run(Path.GetTempPath(), "models --json");
        Assert.Equal((0, ""), (o.ExitCode, o.Errors));
        JsonElement[] lines = [.. o.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static l => JsonDocument.Parse(l).RootElement)];
        Assert.Equal(NamedModels.All.Select(static m => m.Name), lines.Select(static l => l.GetProperty("name").GetString()!));
        JsonElement tiny = lines.Single(static l => l.GetProperty("name").GetString() == "convnext_tiny");
        Assert.Equal("""{"name":"convnext_tiny","parameters":28589128,"macs":4455531264,"input":[224,224,3]}""", tiny.GetRawText());
    }
}
