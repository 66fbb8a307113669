using MiniTorch.Models;

namespace MiniTorch.Tests.Training;

/// <summary>Learning rates that fall from the head to the stem.</summary>
public sealed class LayerDecayTests
{
    /// <summary>Layers by name: of the ConvNeXt as in its official fine-tuning, of the others block by block.</summary>
    [Theory]
    [InlineData("convnext_tiny", 13, "downsample_layers.0.1.weight 0", "stages.0.2.gamma 1", "downsample_layers.1.1.bias 2", "stages.1.0.dwconv.weight 2", "downsample_layers.2.0.weight 3",
        "stages.2.2.norm.bias 3", "stages.2.3.norm.bias 4", "stages.2.8.gamma 5", "downsample_layers.3.0.weight 12", "stages.3.0.gamma 12", "norm.weight 13", "head.bias 13")]
    [InlineData("convnext_dcls_base", 13, "stages.2.26.dwconv.P 11", "stages.2.24.pwconv1.weight 11", "stages.2.23.pwconv1.weight 10", "stages.0.0.dwconv.P 1")]
    [InlineData("convnext_isotropic_small", 19, "stem.weight 0", "blocks.0.dwconv.weight 1", "blocks.1.norm.weight 2", "blocks.17.norm.bias 18", "norm.bias 19")]
    [InlineData("caformer_s18", 19, "downsample_layers.0.conv.weight 0", "stages.0.0.norm1.weight 1", "stages.0.2.mlp.fc1.weight 3", "downsample_layers.1.conv.bias 4", "stages.1.0.norm1.weight 4",
        "stages.3.2.token_mixer.qkv.weight 18", "head.fc1.weight 19", "norm.bias 19")]
    [InlineData("fastvit_sa24", 25, "patch_embed.2.rbr_skip.weight 0", "network.0.3.layer_scale 4", "network.1.proj.1.rbr_skip.weight 5", "network.2.0.layer_scale 5", "network.6.pe.weight 21",
        "network.5.proj.1.rbr_skip.bias 21", "network.7.0.layer_scale_1 21", "network.7.3.layer_scale_2 24", "conv_exp.se.reduce.weight 25", "head.weight 25")]
    [InlineData("resnet50", 17, "conv1.weight 0", "bn1.bias 0", "layer1.0.conv1.weight 1", "layer2.0.downsample.0.weight 4", "layer4.2.bn3.bias 16", "fc.weight 17")]
    public void Parameters_belong_to_layers(string model, int layers, params string[] expected)
    {
        using ShapeDevice device = new();
        NamedModel named = NamedModels.Of(model);
        (ILayer net, ParameterStore store) = ParameterStore.Build(at => named.Network.Build(at, Shape.Create(named.Sample), named.Classes), device);
        using ParameterStore owner = store;
        ILayered layered = (ILayered)net;
        Assert.Equal(layers, layered.Layers);
        foreach (string line in expected)
        {
            string name = line.Split(' ')[0];
            Assert.Contains(store.All, p => p.Name == name);
            Assert.Equal(line, $"{name} {layered.LayerOf(name)}");
        }
    }

    /// <summary>One step of plain gradient descent moves by rate · scale · gradient, the scales as the fine-tuning recipe has them; positions by five times that.</summary>
    [Fact]
    public void A_step_is_as_much_shorter_as_the_layer_is_earlier()
    {
        const double decay = 0.7, rate = 0.5;
        using CpuDevice device = new(1);
        ConvNeXtNetwork network = new(new() { Depths = [1, 1, 1, 1], Dims = [4, 4, 4, 4] }, new("v1", 7, 3));
        (ILayer net, ParameterStore store) = ParameterStore.Build(at => network.Build(at, [32, 32, 3], 5), device, DType.Float64);
        using ParameterStore owner = store;
        using Sgd optimizer = new(store.Trainable, rate, groups: ParameterGroups.ByLayer(ParameterGroups.Dcls(), (ILayered)net, decay));
        Dictionary<string, double[]> before = store.Trainable.ToDictionary(static p => p.Name, static p => p.Tensor.ToDoubles());
        using (Step step = Step.Begin())
            foreach ((_, Tensor x) in store.Trainable)
            {
                Tensor g = Tensor.Like(x);
                g.WriteDoubles([.. Enumerable.Repeat(1.0, x.Count)]);
                x.AddGradient(g);
            }
        optimizer.Update();
        Moved("head.weight", 1);
        Moved("stages.3.0.pwconv1.weight", Math.Pow(decay, 1));
        Moved("stages.2.0.norm.weight", Math.Pow(decay, 10));
        Moved("downsample_layers.1.1.bias", Math.Pow(decay, 11));
        Moved("stages.0.0.dwconv.P", 5 * Math.Pow(decay, 12));
        Moved("downsample_layers.0.0.weight", Math.Pow(decay, 13));

        void Moved(string name, double scale)
        {
            double[] now = store[name].ToDoubles();
            for (int i = 0; i < now.Length; i++) Assert.Equal(rate * scale, before[name][i] - now[i], 1e-12);
        }
    }

    [Fact]
    public void A_network_without_layers_is_refused()
    {
        using CpuDevice device = new(1);
        (ILayer net, ParameterStore store) = ParameterStore.Build(static at => new Linear(at["head"], 100, 4), device);
        using ParameterStore owner = store;
        ArgumentException e = Assert.Throws<ArgumentException>(() => new Trainer(net, store, SmallIdx.Array(40), new() { LayerDecay = 0.7 }));
        Assert.Contains("names no layers", e.Message);
    }

    /// <summary>Warm-up from a rate of its own, the cosine's end before the last epochs: the numbers of the formula.</summary>
    [Fact]
    public void A_course_may_warm_up_from_a_rate_and_cool_down()
    {
        ISchedule schedule = new TrainingOptions { Epochs = 10, Rate = 1, FinalRate = 0.1, WarmUpEpochs = 2, WarmUpRate = 0.5, CoolDownEpochs = 3 }.MakeSchedule(stepsPerEpoch: 4);
        Assert.Equal(0.5, schedule.Rate(0), 1e-15);
        Assert.Equal(1, schedule.Rate(7), 1e-15);
        Assert.Equal(0.1 + 0.45 * (1 + Math.Cos(Math.PI * 10 / 20)), schedule.Rate(18), 1e-15);
        Assert.Equal([0.1, 0.1], [schedule.Rate(28), schedule.Rate(39)]);
        Assert.True(schedule.Rate(27) > 0.1);
        Assert.Throws<ArgumentException>(() => new TrainingOptions { Epochs = 4, WarmUpEpochs = 2, CoolDownEpochs = 3 }.Validate());
    }
}
