using MiniTorch.Ops;
using MiniTorch.Tests.Cuda;
using MiniTorch.Tests.Gradients;

namespace MiniTorch.Tests.Spiking;

public sealed class RecurrentNeuronTests
{
    const int Time = 9, Batch = 3, Width = 21;

    static double[] Numbers(int count, uint stream, double scale, double middle = 0)
    {
        RandomStream random = new(6, stream);
        return [.. Enumerable.Range(0, count).Select(_ => (double)(float)(middle + scale * random.NextNormal()))];
    }

    static readonly double[] x = Numbers(Time * Batch * Width, 1, 1, 0.4), r = Numbers(Width * Width, 2, 0.4), dSpikes = Numbers(x.Length, 3, 1), dMembrane = Numbers(x.Length, 4, 1);

    static (double[] Spikes, double[] Membrane, double[] Dx, double[] Dr) Run(Device device, DType type, NeuronOptions options)
    {
        using Step step = Step.Begin();
        Tensor input = Make([Time, Batch, Width], x, true), recurrent = Make([Width, Width], r, true);
        (Tensor spikes, Tensor membrane) = input.RecurrentLif(recurrent, options);
        ((spikes * Make(input.Shape, dSpikes, false)).Sum() + (membrane * Make(input.Shape, dMembrane, false)).Sum()).Backward();
        return (spikes.ToDoubles(), membrane.ToDoubles(), input.Gradient!.ToDoubles(), recurrent.Gradient!.ToDoubles());

        Tensor Make(Shape shape, double[] values, bool trainable)
        {
            Tensor t = Tensor.Lasting(shape, type, device, trainable);
            t.WriteDoubles(values);
            return t;
        }
    }

    public static TheoryData<double?, bool, bool> Forms => [.. from reset in new double?[] { 0, -0.25, null } from detach in new[] { false, true } from decay in new[] { false, true } select (reset, detach, decay)];

    static NeuronOptions Options(double? reset, bool detach, bool decay) => new() { Tau = 1.6, Threshold = 0.8, VReset = reset, DetachReset = detach, DecayInput = decay, Surrogate = Surrogate.Atan(3) };

    /// <summary>Against neurons written plainly, one element after the other, in numbers with a derivative along one direction of x and R at once.</summary>
    [Theory, MemberData(nameof(Forms))]
    public void Agrees_with_plain_neurons_in_dual_numbers(double? reset, bool detach, bool decay)
    {
        NeuronOptions o = Options(reset, detach, decay);
        double[] alongX = Numbers(x.Length, 5, 1), alongR = Numbers(r.Length, 6, 1), s = new double[x.Length], v = new double[x.Length], ds = new double[x.Length], dv = new double[x.Length];
        double rest = reset ?? 0, k = 1 / o.Tau;
        for (int t = 0; t < Time; t++)
            for (int b = 0; b < Batch; b++)
                for (int j = 0; j < Width; j++)
                {
                    int at = (t * Batch + b) * Width + j, before = at - Batch * Width;
                    (double current, double dCurrent, double last, double dLast) = (x[at], alongX[at], t == 0 ? rest : v[before], t == 0 ? 0 : dv[before]);
                    for (int i = 0; i < Width && t > 0; i++)
                    {
                        int from = ((t - 1) * Batch + b) * Width + i;
                        current += s[from] * r[i * Width + j];
                        dCurrent += ds[from] * r[i * Width + j] + s[from] * alongR[i * Width + j];
                    }
                    double h = last - k * (last - rest) + (decay ? k : 1) * current, dh = dLast * (1 - k) + (decay ? k : 1) * dCurrent;
                    s[at] = h >= o.Threshold ? 1 : 0;
                    ds[at] = dh * 1.5 / (1 + Math.Pow(Math.PI / 2 * 3 * (h - o.Threshold), 2));
                    double through = detach ? 0 : ds[at];
                    (v[at], dv[at]) = reset is null ? (h - s[at] * o.Threshold, dh - through * o.Threshold) : ((1 - s[at]) * h + s[at] * rest, (1 - s[at]) * dh + through * (rest - h));
                }
        double expected = ds.Zip(dSpikes, static (a, b) => a * b).Sum() + dv.Zip(dMembrane, static (a, b) => a * b).Sum();
        using CpuDevice device = new(1);
        var run = Run(device, DType.Float64, o);
        Assert.Equal(s, run.Spikes);
        Assert.InRange(s.Average(), 0.1, 0.9);
        OpCaseTests.Close(v, run.Membrane, 1e-12, "membrane");
        OpCaseTests.Close([expected], [run.Dx.Zip(alongX, static (a, b) => a * b).Sum() + run.Dr.Zip(alongR, static (a, b) => a * b).Sum()], 1e-10, "derivative");
    }

    [Theory, MemberData(nameof(Forms)), Trait("category", TestedGpu.Category)]
    public void Same_spikes_on_a_gpu(double? reset, bool detach, bool decay)
    {
        using CpuDevice cpu = new(1);
        using TestedGpu gpu = TestedGpu.Open();
        var one = Run(cpu, DType.Float32, Options(reset, detach, decay));
        var other = Run(gpu, DType.Float32, Options(reset, detach, decay));
        Assert.Equal(one.Spikes, other.Spikes);
        Assert.Equal(one.Membrane, other.Membrane);
        Assert.Equal(one.Dx, other.Dx);
        OpCaseTests.Close(one.Dr, other.Dr, 1e-5, "dR");
    }

    [Fact]
    public void Same_bits_for_any_threads()
    {
        NeuronOptions options = Options(0, true, false);
        using CpuDevice one = new(1);
        var expected = Run(one, DType.Float32, options);
        foreach (int threads in (ReadOnlySpan<int>)[2, 8])
        {
            using CpuDevice device = new(threads);
            var actual = Run(device, DType.Float32, options);
            Assert.Equal(expected.Spikes, actual.Spikes);
            Assert.Equal(expected.Membrane, actual.Membrane);
            Assert.Equal(expected.Dx, actual.Dx);
            Assert.Equal(expected.Dr, actual.Dr);
        }
    }

    [Fact]
    public void Wrong_input_is_refused()
    {
        using Step step = Step.Begin();
        Tensor sequences = Tensor.Zeros([3, 2, 4]);
        Assert.Contains("[time, batch, neurons]", Assert.Throws<TensorException>(() => Tensor.Zeros([3, 4]).RecurrentLif(Tensor.Zeros([4, 4]), new())).Message, StringComparison.Ordinal);
        Assert.Contains("[4, 4]", Assert.Throws<TensorException>(() => sequences.RecurrentLif(Tensor.Zeros([4, 5]), new())).Message, StringComparison.Ordinal);
        Assert.Contains("tau must be at least 1 step", Assert.Throws<TensorException>(() => sequences.RecurrentLif(Tensor.Zeros([4, 4]), new() { Tau = 0.5 })).Message, StringComparison.Ordinal);
    }
}
