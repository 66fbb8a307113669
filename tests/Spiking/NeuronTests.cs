using MiniTorch.Models;
using MiniTorch.Ops;
using MiniTorch.Tests.Cuda;
using MiniTorch.Tests.Gradients;

namespace MiniTorch.Tests.Spiking;

public sealed class NeuronTests
{
    static readonly int[][] shapes = [[9, 2, 3], [6, 1, 1], [1, 5], [4, 2, 3, 1, 3], [3, 521]];

    /// <summary>Every form of neuron: hard and soft reset, one beside 0, detached or not, plain and decayed input.</summary>
    static IEnumerable<NeuronOptions> Forms => from reset in new double?[] { 0, -0.25, null } from detach in new[] { false, true } from decay in new[] { false, true }
        select new NeuronOptions { Tau = 1.6, Threshold = 0.8, VReset = reset, DetachReset = detach, DecayInput = decay };

    public static TheoryData<int, bool> Kinds => [.. from surrogate in Enumerable.Range(0, DualNeuron.Surrogates.Length) from learned in new[] { false, true } select (surrogate, learned)];

    /// <summary>Spikes, membranes, dx and dw; the gradients that come are those of the results that are asked for.</summary>
    static (double[] Spikes, double[] Membrane, double[] Dx, double Dw) Run(Device device, DType type, int[] dims, double[] x, double? w, NeuronOptions options, double[]? dSpikes, double[]? dMembrane)
    {
        using Step step = Step.Begin();
        Tensor input = Make(Shape.Create(dims), x, true);
        Tensor? learned = w is { } value ? Make([1], [value], true) : null;
        (Tensor spikes, Tensor membrane) = learned is null ? input.Lif(options) : input.Plif(learned, options);
        Tensor? loss = dSpikes is null ? null : (spikes * Make(input.Shape, dSpikes, false)).Sum();
        if (dMembrane is not null) loss = loss is null ? (membrane * Make(input.Shape, dMembrane, false)).Sum() : loss + (membrane * Make(input.Shape, dMembrane, false)).Sum();
        loss!.Backward();
        return (spikes.ToDoubles(), membrane.ToDoubles(), input.Gradient!.ToDoubles(), learned is null ? 0 : learned.Gradient!.Item());

        Tensor Make(Shape shape, double[] values, bool trainable)
        {
            Tensor t = Tensor.Lasting(shape, type, device, trainable);
            t.WriteDoubles(values);
            return t;
        }
    }

    static double[] Numbers(int count, uint stream, double middle = 0)
    {
        RandomStream random = new(5, stream);
        return [.. Enumerable.Range(0, count).Select(_ => (double)(float)(middle + random.NextNormal()))];
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Agrees_with_a_plain_neuron_in_dual_numbers(int surrogate, bool learned)
    {
        using CpuDevice device = new(1);
        (Surrogate formula, Func<double, double> slope) = DualNeuron.Surrogates[surrogate];
        uint stream = 0;
        foreach (NeuronOptions form in Forms)
            foreach (int[] dims in shapes)
            {
                NeuronOptions options = form with { Surrogate = formula };
                int count = dims.Aggregate(1, static (a, b) => a * b), width = count / dims[0], results = (int)(stream % 3);
                double[] x = Numbers(count, stream++, 0.5), direction = Numbers(count, stream++), dSpikes = Numbers(count, stream++), dMembrane = Numbers(count, stream++);
                double w = 0.3, dw = learned ? 0.7 : 0, k = learned ? 1 / (1 + Math.Exp(-w)) : 1 / options.Tau;
                (Dual[] s, Dual[] v) = DualNeuron.Run([.. x.Zip(direction, static (a, b) => new Dual(a, b))], width, new(k, dw * k * (1 - k)), options, slope);
                double expected = (results == 1 ? 0 : s.Zip(dSpikes, static (a, b) => a.Slope * b).Sum()) + (results == 2 ? 0 : v.Zip(dMembrane, static (a, b) => a.Slope * b).Sum());
                (double[] spikes, double[] membrane, double[] dx, double gradient) = Run(device, DType.Float64, dims, x, learned ? w : null, options, results == 1 ? null : dSpikes, results == 2 ? null : dMembrane);
                Assert.Equal(s.Select(static a => a.Value), spikes);
                OpCaseTests.Close([.. v.Select(static a => a.Value)], membrane, 1e-12, $"{options}: membrane");
                OpCaseTests.Close([expected], [dx.Zip(direction, static (a, b) => a * b).Sum() + gradient * dw], 1e-11, $"{options}, shape {string.Join('x', dims)}: derivative");
            }
    }

    [Theory, MemberData(nameof(Kinds)), Trait("category", TestedGpu.Category)]
    public void Same_bits_on_a_gpu(int surrogate, bool learned)
    {
        using CpuDevice cpu = new(1);
        using TestedGpu gpu = TestedGpu.Open();
        foreach (NeuronOptions form in Forms)
        {
            NeuronOptions options = form with { Surrogate = DualNeuron.Surrogates[surrogate].Surrogate };
            int[] dims = [6, 131];
            double[] x = Numbers(6 * 131, 1, 0.5), dSpikes = Numbers(6 * 131, 2), dMembrane = Numbers(6 * 131, 3);
            (double[] spikes, double[] membrane, double[] dx, double dw) = Run(cpu, DType.Float32, dims, x, learned ? 0.3 : null, options, dSpikes, dMembrane);
            (double[] spikes2, double[] membrane2, double[] dx2, double dw2) = Run(gpu, DType.Float32, dims, x, learned ? 0.3 : null, options, dSpikes, dMembrane);
            Assert.Equal(spikes, spikes2);
            Assert.Equal(membrane, membrane2);
            Assert.Equal(dx, dx2);
            OpCaseTests.Close([dw], [dw2], 1e-5, $"{options}: dw");
        }
    }

    [Fact]
    public void Same_bits_for_any_threads_and_the_same_spikes_in_both_precisions()
    {
        int[] dims = [12, 1, 2600];
        double[] x = Numbers(12 * 2600, 1, 0.5), dSpikes = Numbers(12 * 2600, 2), dMembrane = Numbers(12 * 2600, 3);
        NeuronOptions options = new() { Tau = 2, Threshold = 0.8 };
        using CpuDevice one = new(1);
        (double[] spikes, double[] membrane, double[] dx, double dw) = Run(one, DType.Float32, dims, x, 0.3, options, dSpikes, dMembrane);
        foreach (int threads in (ReadOnlySpan<int>)[2, 8])
        {
            using CpuDevice device = new(threads);
            (double[] spikes2, double[] membrane2, double[] dx2, double dw2) = Run(device, DType.Float32, dims, x, 0.3, options, dSpikes, dMembrane);
            Assert.Equal(spikes, spikes2);
            Assert.Equal(membrane, membrane2);
            Assert.Equal(dx, dx2);
            Assert.Equal(dw, dw2);
        }
        (double[] spikes64, double[] membrane64, double[] dx64, double dw64) = Run(one, DType.Float64, dims, x, 0.3, options, dSpikes, dMembrane);
        Assert.Equal(spikes64, spikes);
        OpCaseTests.Close(membrane64, membrane, 1e-6, "membrane");
        OpCaseTests.Close(dx64, dx, 1e-5, "dx");
        OpCaseTests.Close([dw64], [dw], 1e-5, "dw");
    }

    [Fact]
    public void Nothing_of_one_sequence_reaches_another()
    {
        using CpuDevice device = new(2);
        double[] x = Numbers(8 * 2 * 5, 1, 0.5), dSpikes = Numbers(8 * 2 * 5, 2);
        NeuronOptions options = new() { VReset = -0.5 };
        var both = Run(device, DType.Float32, [8, 2, 5], x, 0.3, options, dSpikes, null);
        Assert.Equal(both, Run(device, DType.Float32, [8, 2, 5], x, 0.3, options, dSpikes, null), static (a, b) => a.Spikes.SequenceEqual(b.Spikes) && a.Membrane.SequenceEqual(b.Membrane) && a.Dx.SequenceEqual(b.Dx) && a.Dw == b.Dw);
        double dw = 0;
        for (int n = 0; n < 2; n++)
        {
            double[] Own(double[] all) => [.. all.Chunk(5).Where((_, row) => row % 2 == n).SelectMany(static row => row)];
            var alone = Run(device, DType.Float32, [8, 1, 5], Own(x), 0.3, options, Own(dSpikes), null);
            Assert.Equal(Own(both.Spikes), alone.Spikes);
            Assert.Equal(Own(both.Membrane), alone.Membrane);
            Assert.Equal(Own(both.Dx), alone.Dx);
            dw += alone.Dw;
        }
        OpCaseTests.Close([dw], [both.Dw], 1e-5, "dw");
    }

    [Fact]
    public void Reaching_the_threshold_fires_and_no_number_does_not()
    {
        using Step step = Step.Begin();
        Tensor x = Tensor.Of([1f, 0.99999994f, float.NaN, 0.5f, 0.75f, 1, 0.5f, 0.5f, 1], [3, 3]);
        (Tensor spikes, Tensor membrane) = x.Lif(new());
        Assert.Equal([1, 0, 0, 0, 1, 0, 0, 0, 0], spikes.ToDoubles());
        Assert.Equal([0, 0.99999994039535522, double.NaN, 0.5, 0, double.NaN, 0.75, 0.5, double.NaN], membrane.ToDoubles());
    }

    [Fact]
    public void Backward_keeps_the_membrane_before_reset_alone()
    {
        using CpuDevice device = new(1);
        Tensor x = Tensor.Lasting([4, 96], device: device, trainable: true);
        using (Step step = Step.Begin())
        {
            using Tape.Pause pause = Tape.Paused();
            _ = x.Lif(new());
            Assert.Equal((1 + 2) * 4 * 96 * sizeof(float), device.Pool.LiveBytes);
        }
        using (Step step = Step.Begin())
        {
            Tensor spikes = x.Lif(new()).Spikes;
            Assert.Equal((1 + 2 + 1) * 4 * 96 * sizeof(float), device.Pool.LiveBytes);
            spikes.Sum().Backward();
        }
        Assert.Equal(2, device.Pool.LiveBlocks);        // x and its gradient
        GC.KeepAlive(x);
    }

    [Fact]
    public void Wrong_input_is_refused()
    {
        using Step step = Step.Begin();
        Tensor x = Tensor.Zeros([3, 2]);
        Assert.Contains("tau must be at least 1 step, got 0.5", Assert.Throws<TensorException>(() => x.Lif(new() { Tau = 0.5 })).Message, StringComparison.Ordinal);
        Assert.Contains("w must have one element, got f32[2]", Assert.Throws<TensorException>(() => x.Plif(Tensor.Zeros([2]), new())).Message, StringComparison.Ordinal);
        Assert.Contains("share dtype and device", Assert.Throws<TensorException>(() => x.Plif(Tensor.Zeros([1], DType.Float64), new())).Message, StringComparison.Ordinal);
        Assert.Contains("[time, ...]", Assert.Throws<TensorException>(() => Tensor.Scalar(1).Lif(new())).Message, StringComparison.Ordinal);
        Assert.Contains("alpha must be a positive number, got 0", Assert.Throws<TensorException>(() => Surrogate.Atan(0)).Message, StringComparison.Ordinal);
        Assert.Contains("tau must be at least 1 step, got NaN", Assert.Throws<TensorException>(() => x.SynapseFilter(double.NaN)).Message, StringComparison.Ordinal);
        Assert.Contains("w must have one element", Assert.Throws<TensorException>(() => x.SynapseFilter(x)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Layers_declare_the_scalar_w_and_follow_the_tape()
    {
        NeuronOptions options = new() { Tau = 3 };
        ((Lif Lif, Plif Plif, SynapseFilter Filter, SynapseFilter Learned) model, ParameterStore store) = ParameterStore.Build(
            at => (new Lif(at[0], options), new Plif(at[1], options), new SynapseFilter(at[2], 4), new SynapseFilter(at[3], 4, learnable: true)));
        using ParameterStore owned = store;
        Assert.Equal([("1.w", new Shape()), ("3.w", new Shape())], store.Trainable.Select(static p => (p.Name, p.Tensor.Shape)));
        Assert.Equal(-Math.Log(2), store["1.w"].Item(), 1e-7);
        Assert.Equal(-Math.Log(3), store["3.w"].Item(), 1e-7);
        using Step step = Step.Begin();
        Tensor x = Tensor.Of([.. Numbers(7 * 4, 1, 0.5).Select(static v => (float)v)], [7, 4]);
        OpCaseTests.Close(model.Lif.Forward(x).Membrane.ToDoubles(), model.Plif.Forward(x).Membrane.ToDoubles(), 1e-6, "membrane");
        OpCaseTests.Close(model.Filter.Forward(x).ToDoubles(), model.Learned.Forward(x).ToDoubles(), 1e-6, "current");
        Assert.Null(model.Lif.Forward(x).Spikes.Source);
        Assert.NotNull(model.Plif.Forward(x).Spikes.Source);
        using (Tape.Paused()) Assert.Null(model.Plif.Forward(x).Spikes.Source);
        Assert.Contains("must start above 1 step, got 1", Assert.Throws<TensorException>(() => ParameterStore.Build(static at => new Plif(at["p"], new() { Tau = 1 }))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Synapses_follow_their_definition()
    {
        const int Width = 519;
        double[] x = Numbers(5 * Width, 1), y = new double[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            double before = i < Width ? 0 : y[i - Width];
            y[i] = before - (1 - x[i]) * before / 2.5 + x[i];
        }
        using Step step = Step.Begin();
        Tensor input = Tensor.Empty([5, 3, Width / 3], DType.Float64);
        input.WriteDoubles(x);
        OpCaseTests.Close(y, input.SynapseFilter(2.5).ToDoubles(), 1e-12, "current");
    }
}
