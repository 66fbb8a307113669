using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Models;

public sealed class ResNetTests
{
    static readonly ResNetOptions small = new() { Depths = [2, 1], Width = 3, InputChannels = 2, Classes = 4 };

    /// <summary>The state dict of torchvision's resnet50 has 320 names: 161 parameters, and 3 buffers of each of 53 norms, of which the counts of batches are passed over.</summary>
    [Fact]
    public void Names_are_those_of_published_checkpoints()
    {
        using ShapeDevice device = new();
        (_, ParameterStore store) = ParameterStore.Build(static at => new ResNet(at, new()), device);
        Assert.Equal(161, store.Trainable.Count);
        Assert.Equal(161 + 2 * 53, store.All.Count());
        foreach (string name in (string[])["conv1.weight", "bn1.running_var", "layer1.0.downsample.0.weight", "layer1.0.downsample.1.bias", "layer3.5.conv2.weight", "layer4.2.bn3.weight", "fc.bias"])
            Assert.Contains(store.All, p => p.Name == name);
        Assert.Equal([3, 3, 256, 256], store["layer3.5.conv2.weight"].Shape.Dims.ToArray());
    }

    /// <summary>The directional derivative by both ways, in double precision, with norms whose factors are not 0.</summary>
    [Theory, InlineData(false), InlineData(true)]
    public void Gradients_are_those_of_finite_differences(bool dcls)
    {
        const double Small = 1e-6;
        using CpuDevice device = new(1);
        (ResNet model, ParameterStore store) = ParameterStore.Build(at => new ResNet(at, small, dcls ? MiniTorch.Models.Dcls.OfficialDense("v1", 5, 3) : null), device, DType.Float64);
        using ParameterStore owner = store;
        store.Statistics = Statistics.Running;
        RandomStream random = new(3, 0);
        foreach ((_, Tensor p) in store.Trainable) p.WriteDoubles(Array.ConvertAll(p.ToDoubles(), v => v + 0.3 * random.NextNormal()));
        using Step step = Step.Begin();
        Tensor x = Tensor.Of<double>([.. Enumerable.Range(0, 2 * 21 * 18 * 2).Select(_ => random.NextNormal())], [2, 21, 18, 2], device);
        Loss(x).Backward();
        double expected = 0;
        List<double[]> start = [], direction = [];
        foreach ((_, Tensor p) in store.Trainable)
        {
            start.Add(p.ToDoubles());
            direction.Add([.. start[^1].Select(_ => random.NextNormal())]);
            expected += direction[^1].Zip(p.Gradient!.ToDoubles(), static (d, g) => d * g).Sum();
        }
        using Tape.Pause pause = Tape.Paused();
        double actual = (At(Small) - At(-Small)) / (2 * Small);
        Assert.InRange(actual / expected, 1 - 1e-5, 1 + 1e-5);

        Tensor Loss(Tensor images) => CrossEntropy.Of(model.Forward(images), Tensor.Of([1, 3], [2], device));

        double At(double along)
        {
            for (int i = 0; i < start.Count; i++) store.Trainable[i].Tensor.WriteDoubles([.. start[i].Zip(direction[i], (s, d) => s + along * d)]);
            return Loss(x).Item();
        }
    }

    /// <summary>Blocks start as their shortcut: each last norm's factor is 0. With DCLS the layers of a width share their positions, of every pair of channels.</summary>
    [Fact]
    public void Blocks_of_a_width_share_positions_and_start_from_their_shortcut()
    {
        using CpuDevice device = new(1);
        (_, ParameterStore store) = ParameterStore.Build(static at => new ResNet(at, small, MiniTorch.Models.Dcls.OfficialDense("v0", 7, 5)), device);
        using ParameterStore owner = store;
        Assert.Same(store["layer1.0.conv2.P"], store["layer1.1.conv2.P"]);
        Assert.NotSame(store["layer1.0.conv2.P"], store["layer2.0.conv2.P"]);
        Assert.Equal([2, 5, 3, 3], store["layer1.0.conv2.P"].Shape.Dims.ToArray());
        Assert.All(store["layer2.0.bn3.weight"].ToDoubles(), static v => Assert.Equal(0, v));
    }
}
