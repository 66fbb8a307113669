using MiniTorch.Models;
using MiniTorch.Tests.Parity;

namespace MiniTorch.Tests.Models;

/// <summary>Folding of branches, judged by the reference's logits of the model with branches.</summary>
public sealed class FastVitTests
{
    [Fact]
    public void A_folded_model_has_the_logits_of_its_branches()
    {
        using CpuDevice device = new(1);
        GoldenCase c = Case("model_fastvit", device);
        FastVitOptions options = FastVitGolden.Sizes(c);
        Dictionary<string, StoredTensor> folded = FastVit.Fold(ModelGolden.State(c), options);
        Assert.DoesNotContain(folded.Keys, static n => n.Contains("rbr_", StringComparison.Ordinal) || n.Contains("token_mixer.layer_scale", StringComparison.Ordinal));
        Assert.Equal([4, 1, 3, 3], folded["network.0.0.token_mixer.reparam_conv.weight"].Shape.Dims.ToArray());
        Assert.Equal([8, 1, 7, 7], folded["network.1.proj.0.lkb_reparam.weight"].Shape.Dims.ToArray());
        Assert.Equal([32], folded["network.6.reparam_conv.bias"].Shape.Dims.ToArray());
        Compare(c, device, folded, options);
    }

    /// <summary>The taps are baked first; positional encoding and feed-forward kernels are then as large as their window.</summary>
    [Fact]
    public void A_DCLS_model_is_baked_then_folded()
    {
        using CpuDevice device = new(1);
        GoldenCase c = Case("model_fastvit_dcls_gauss_audio", device);
        FastVitOptions options = FastVitGolden.Sizes(c);
        Dictionary<string, StoredTensor> baked = MiniTorch.Models.Dcls.Bake(ModelGolden.State(c), (at, depthwise) => new FastVit(at, options, depthwise), ModelGolden.Depthwise(c)!);
        options = options with { KernelSize = c.Int("dcls_kernel_size") };
        Dictionary<string, StoredTensor> folded = FastVit.Fold(baked, options);
        Assert.Equal([32, 1, 9, 9], folded["network.6.reparam_conv.weight"].Shape.Dims.ToArray());
        Compare(c, device, folded, options);
    }

    /// <summary>A DCLS checkpoint is not folded as it is: what does not fit is named.</summary>
    [Fact]
    public void Taps_that_were_not_baked_are_an_error()
    {
        using CpuDevice device = new(1);
        GoldenCase c = Case("model_fastvit_dcls_gauss_audio", device);
        string all = Assert.Throws<InvalidDataException>(() => FastVit.Fold(ModelGolden.State(c), FastVitGolden.Sizes(c))).InnerException!.Message;
        Assert.Contains("unexpected network.6.pe.P", all, StringComparison.Ordinal);
    }

    static GoldenCase Case(string name, Device device) => new(Path.Combine(AppContext.BaseDirectory, "Golden", name + ".safetensors"), DType.Float32, device);

    static void Compare(GoldenCase c, CpuDevice device, Dictionary<string, StoredTensor> folded, FastVitOptions options)
    {
        (FastVit model, ParameterStore store) = ParameterStore.Build(at => new FastVit(at, options with { Folded = true }), device, file: folded);
        using ParameterStore owner = store;
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        double[] expected = c.Read("logits", Layout.Same).Values, actual = model.Forward(c.Constant("x", Layout.ChannelsLast)).ToDoubles();
        double scale = expected.Max(Math.Abs);
        Assert.All(expected.Zip(actual), p => Assert.InRange(Math.Abs(p.First - p.Second) / scale, 0, 1e-5));
    }
}
