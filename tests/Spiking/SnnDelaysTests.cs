using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Spiking;

public sealed class SnnDelaysTests
{
    static readonly SnnOptions small = new() { Inputs = 6, Hidden = [8], Classes = 3, MaxDelay = 5, Dropout = 0 };

    /// <summary>Numbers of the official configurations.</summary>
    [Theory]
    [InlineData(2, 256, 20, 1, 25, 214_016)]
    [InlineData(2, 512, 35, 1, 31, 705_536)]
    [InlineData(2, 512, 35, 2, 31, 1_409_024)]
    [InlineData(3, 512, 35, 1, 31, 1_230_848)]
    [InlineData(3, 512, 35, 2, 31, 2_458_624)]
    public void Parameters_are_as_many_as_published(int layers, int width, int classes, int count, int maxDelay, int expected)
    {
        SnnOptions options = new() { Hidden = [.. Enumerable.Repeat(width, layers)], Classes = classes, KernelCount = count, MaxDelay = maxDelay };
        using ParameterStore store = Build(options).Store;
        Assert.Equal(expected, store.ParameterCount);
    }

    [Fact]
    public void The_networks_that_are_compared_have_about_equally_many_parameters()
    {
        long[] counts = [.. ((string[])["snn_delays_small", "snn_fixed_delays_small", "snn_no_delays_small", "snn_recurrent_small"]).Select(static name =>
        {
            using ParameterStore store = ParameterStore.Build(at => NamedModels.Of(name).Network.Build(at, [90, 140], 20)).Store;
            return store.ParameterCount;
        })];
        Assert.All(counts, count => Assert.InRange(count, 0.97 * counts[0], 1.03 * counts[0]));
    }

    [Fact]
    public void A_sequence_does_not_depend_on_those_beside_and_before_it()
    {
        (SnnDelays net, ParameterStore store) = Build(small);
        using ParameterStore owner = store;
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        float[] x = Draw(4 * 12 * 6);
        double[] together = net.Forward(Tensor.Of(x, [4, 12, 6])).ToDoubles(), alone = net.Forward(Tensor.Of(x[(2 * 72)..(3 * 72)], [1, 12, 6])).ToDoubles();
        Assert.Equal(together[6..9], alone);
        Assert.Equal(together, net.Forward(Tensor.Of(x, [4, 12, 6])).ToDoubles());
        Assert.Contains(net.Simulate(Tensor.Of(x, [12, 4, 6])).Spikes[0].ToDoubles(), static s => s == 1);
    }

    [Fact]
    public void A_layer_lasts_half_a_window_longer_than_its_input()
    {
        (SnnDelays net, ParameterStore store) = Build(small with { Hidden = [8, 7] });
        using ParameterStore owner = store;
        using Step step = Step.Begin();
        (IReadOnlyList<Tensor> spikes, Tensor membrane) = net.Simulate(Tensor.Of(Draw(12 * 2 * 6), [12, 2, 6]));
        Assert.Equal(["[14, 2, 8]", "[16, 2, 7]", "[18, 2, 3]"], spikes.Select(static s => s.Shape.ToString()));
        Assert.Equal("[18, 2, 3]", membrane.Shape.ToString());
    }

    /// <summary>Cut connections draw no kernel and get no gradient.</summary>
    [Fact]
    public void Sparse_connections_stay_cut()
    {
        (SnnDelays net, ParameterStore store) = Build(small with { Sparsity = 0.75, Hidden = [40] });
        using ParameterStore owner = store;
        double[] mask = store["model.0.mask"].ToDoubles();
        Assert.InRange(mask.Average(), 0.15, 0.35);
        Assert.All(mask, static m => Assert.True(m is 0 or 1));
        using Step step = Step.Begin();
        net.Forward(Tensor.Of(Draw(2 * 12 * 6), [2, 12, 6])).Sum().Backward();
        double[] gradient = store["model.0.weight"].Gradient!.ToDoubles(), kernel = net.Delays[0].Taps.Kernel().ToDoubles();
        for (int i = 0; i < kernel.Length; i++) Assert.Equal(mask[i % mask.Length] == 0, kernel[i] == 0);
        for (int i = 0; i < mask.Length; i++) Assert.True(mask[i] == 1 || gradient[i] == 0);
        Assert.Contains(gradient, static g => g != 0);
    }

    [Fact]
    public void Fixed_delays_are_saved_and_not_trained()
    {
        (SnnDelays net, ParameterStore store) = Build(small with { Delays = DelayKind.Fixed });
        using ParameterStore owner = store;
        Assert.DoesNotContain(store.Trainable, static p => ParameterGroups.IsPosition(p.Name));
        Assert.Contains(store.All, static p => p.Name == "model.0.P");
        Assert.All(net.Delays[0].Delays(), static d => Assert.InRange(d, 0, 4));
    }

    /// <summary>The weights have names of their own, both layers learn theirs, and with weights of 0 the network is that without.</summary>
    [Fact]
    public void Recurrent_layers_are_plain_ones_and_what_they_add()
    {
        (SnnDelays plain, ParameterStore without) = Build(small with { Hidden = [8, 7], Delays = DelayKind.None });
        (SnnDelays net, ParameterStore store) = Build(small with { Hidden = [8, 7], Delays = DelayKind.Recurrent });
        using ParameterStore owner = store, second = without;
        string[] names = ["model.2.recurrent.weight", "model.6.recurrent.weight"];
        Assert.Equal(names, store.Trainable.Select(static p => p.Name).Except(without.Trainable.Select(static p => p.Name)));
        Tensor x = Tensor.Of(Draw(2 * 12 * 6), [2, 12, 6]);
        using (Step step = Step.Begin())
        {
            net.Forward(x).Max(1).Sum().Backward();
            foreach (string name in names) Assert.Contains(store[name].Gradient!.ToDoubles(), static g => g != 0);
        }
        foreach ((string name, Tensor value) in without.All) store[name].WriteDoubles(value.ToDoubles());
        using (Step step = Step.Begin())
        using (Tape.Paused())
        {
            double[] expected = plain.Forward(x).ToDoubles();
            foreach (string name in names) store[name].Fill(1);
            Assert.NotEqual(expected, net.Forward(x).ToDoubles());
            foreach (string name in names) store[name].Fill(0);
            Assert.Equal(expected, net.Forward(x).ToDoubles());
        }
        Assert.Contains("leave LearnTau out", Assert.Throws<ArgumentException>(() => Build(small with { Delays = DelayKind.Recurrent, LearnTau = true })).Message);
    }

    [Fact]
    public void Read_outs_are_what_they_are_called()
    {
        using Step step = Step.Begin();
        Tensor spikes = Tensor.Of([0f, 1, 1, 1, 0, 0], [3, 1, 2]), membrane = Tensor.Of([1f, 2, 5, 0, -1, 4], [3, 1, 2]);
        Assert.Equal([5, 4], ReadOut.Max.Logits(spikes, membrane).ToDoubles());
        Assert.Equal([5 / 3.0, 2], ReadOut.Mean.Logits(spikes, membrane).ToDoubles().Select(static v => Math.Round(v, 6)), static (a, b) => Math.Abs(a - b) < 1e-6);
        Assert.Equal([1, 2], ReadOut.SpikeCount.Logits(spikes, membrane).ToDoubles());
        double sum = ((double[])[1 - 2, 5, -1 - 4]).Sum(static d => 1 / (1 + Math.Exp(-d)));
        Assert.Equal(sum, ReadOut.Sum.Logits(spikes, membrane).ToDoubles()[0], 1e-6);
    }

    [Fact]
    public void An_even_window_of_delays_is_refused()
        => Assert.Contains("odd number of steps, got 24; use 25", Assert.Throws<ArgumentException>(() => Build(small with { MaxDelay = 24 })).Message);

    static (SnnDelays Model, ParameterStore Store) Build(SnnOptions options) => ParameterStore.Build(at => new SnnDelays(at, options));

    static float[] Draw(int count)
    {
        RandomStream random = new(9, 1);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) values[i] = random.NextInt(3) == 0 ? 1 : 0;
        return values;
    }
}
