using MiniTorch.Models;

namespace MiniTorch.Tests.Training;

public sealed class OptimizerTests
{
    static (string, Tensor)[] Parameters(Device device, DType type = DType.Float64, params (string Name, int Count)[] sizes)
    {
        RandomStream random = new(3, 1);
        return [.. sizes.Select(p =>
        {
            Tensor x = Tensor.Lasting([p.Count], type, device, trainable: true);
            x.WriteDoubles([.. Enumerable.Range(0, p.Count).Select(_ => random.NextNormal())]);
            return (p.Name, x);
        })];
    }

    static void Give(Tensor x, Func<int, double> gradient)
    {
        using Step step = Step.Begin();
        Tensor g = Tensor.Like(x);
        g.WriteDoubles([.. Enumerable.Range(0, x.Count).Select(gradient)]);
        x.AddGradient(g);
    }

    [Fact]
    public void AmsGrad_takes_the_largest_second_moment()
    {
        using CpuDevice device = new(1);
        (string, Tensor Value)[] p = Parameters(device, DType.Float64, ("w", 5));
        using AdamW optimizer = new(p, 0.1, weightDecay: 0, amsGrad: true);
        double[] w = p[0].Value.ToDoubles(), m = new double[5], v = new double[5], most = new double[5];
        for (int t = 1; t <= 6; t++)
        {
            double[] g = [.. Enumerable.Range(0, 5).Select(i => (i + 1) / (double)(t * t))];
            Give(p[0].Value, i => g[i]);
            optimizer.Update();
            for (int i = 0; i < 5; i++)
            {
                m[i] = 0.9 * m[i] + 0.1 * g[i];
                v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
                most[i] = Math.Max(most[i], v[i]);
                w[i] -= 0.1 * m[i] / (1 - Math.Pow(0.9, t)) / (Math.Sqrt(most[i] / (1 - Math.Pow(0.999, t))) + 1e-8);
            }
        }
        double[] got = p[0].Value.ToDoubles();
        for (int i = 0; i < 5; i++) Assert.Equal(w[i], got[i], 1e-12);
    }

    [Fact]
    public void Clipping_scales_all_gradients_together_and_a_missing_one_counts_nothing()
    {
        using CpuDevice device = new(2);
        (string, Tensor Value)[] p = Parameters(device, DType.Float64, ("a", 3), ("b", 2), ("idle", 4));
        double[] a = p[0].Value.ToDoubles(), idle = p[2].Value.ToDoubles();
        using Sgd optimizer = new(p, rate: 1) { ClipNorm = 2 };
        Give(p[0].Value, static _ => 4);
        Give(p[1].Value, static _ => 4);
        optimizer.Update();
        double norm = Math.Sqrt(5 * 16);
        Assert.Equal(norm, optimizer.GradientNorm, 1e-12);
        Assert.Equal(a[0] - 4 * 2 / (norm + 1e-6), p[0].Value.ToDoubles()[0], 1e-12);
        Assert.Equal(idle, p[2].Value.ToDoubles());
    }

    [Theory, InlineData("a.P", 5.0), InlineData("stages.0.SIG", 5.0), InlineData("a.weight", 1.0), InlineData("PP", 1.0)]
    public void Positions_learn_faster(string name, double factor)
    {
        using CpuDevice device = new(1);
        (string, Tensor Value)[] p = Parameters(device, DType.Float64, (name, 1));
        double before = p[0].Value.Item();
        using Sgd optimizer = new(p, rate: 0.01, weightDecay: 100, groups: ParameterGroups.Dcls());
        Give(p[0].Value, static _ => 1);
        optimizer.Update();
        Assert.Equal(before - 0.01 * factor, p[0].Value.Item(), 1e-12);     // vectors and positions are not decayed
    }

    [Fact]
    public void State_continues_exactly_and_widths_and_threads_agree()
    {
        double[] straight = Run(new CpuDevice(1, new Simd(256)), false);
        Assert.Equal(straight, Run(new CpuDevice(2, new Simd(256)), true));

        static double[] Run(CpuDevice device, bool interrupted)
        {
            using CpuDevice owned = device;
            (string, Tensor Value)[] p = Parameters(device, DType.Float32, ("w", 40_001));
            Safetensors file = new();
            using (Lamb first = new(p, 0.01))
            {
                for (int t = 0; t < (interrupted ? 2 : 4); t++) Next(first, t);
                first.Save(file);
            }
            if (interrupted)
            {
                using Lamb second = new(p, 0.01);
                second.Load(file);
                for (int t = 2; t < 4; t++) Next(second, t);
            }
            return p[0].Value.ToDoubles();

            void Next(Lamb optimizer, int t)
            {
                Give(p[0].Value, i => Math.Sin(i + t));
                optimizer.Update();
            }
        }
    }

    /// <summary>One launch for all, large, small and empty, moves each parameter as an optimizer of its own would, bit by bit.</summary>
    [Theory, InlineData("Sgd"), InlineData("AdamW"), InlineData("Lamb")]
    public void Many_parameters_move_together_as_they_do_alone(string rule)
    {
        using CpuDevice device = new(3);
        (string, int)[] sizes = [("a", 1), ("none", 0), ("b", 16384), ("c", 16385), ("idle", 7), ("d", 40_001), ("e", 3)];
        (string Name, Tensor Value)[] together = Parameters(device, DType.Float32, sizes), alone = Parameters(device, DType.Float32, sizes);
        using Optimizer all = Make(together);
        Optimizer[] each = [.. alone.Select(p => Make([p]))];
        for (int t = 0; t < 3; t++)
        {
            foreach ((string name, Tensor x) in (IEnumerable<(string, Tensor)>)[.. together, .. alone]) if (name != "idle") Give(x, i => Math.Sin(i + t));
            StepProfile step = Profile.Of(device, all.Update);
            Assert.Equal(rule == "Lamb" ? ["Lamb.direction", "GradientNorm.squares", "Lamb.apply"] : [rule.Replace("AdamW", "Adam", StringComparison.Ordinal) + ".update"],
                step.Kernels.Select(static k => k.Kernel).Where(static k => k != "Clear"));         // of the memory for their table, the first time
            foreach (Optimizer one in each) one.Update();
        }
        foreach (((string name, Tensor a), (_, Tensor b)) in together.Zip(alone)) Assert.True(a.ToArray<float>().AsSpan().SequenceEqual(b.ToArray<float>()), name);
        foreach (Optimizer one in each) one.Dispose();

        Optimizer Make((string, Tensor)[] p) => rule switch
        {
            "Sgd" => new Sgd(p, 0.1, momentum: 0.9, weightDecay: 0.01),
            "Lamb" => new Lamb(p, 0.01, gradientLimit: null),
            _ => new AdamW(p, 0.01),
        };
    }

    [Theory, InlineData(DType.Float32), InlineData(DType.Float64)]
    public void The_norm_is_that_of_all_elements_to_the_precision_of_doubles(DType type)
    {
        using CpuDevice device = new(2);
        (string, Tensor Value)[] p = Parameters(device, type, ("a", 16384 + 13), ("b", 5), ("c", 8));
        using Sgd optimizer = new(p, 0) { ClipNorm = 1 };
        double sum = 0;
        foreach ((_, Tensor x) in p)
        {
            Give(x, static i => Math.Cos(i) * 3);
            sum += x.Gradient!.ToDoubles().Sum(static g => g * g);
        }
        optimizer.Update();
        Assert.Equal(1, optimizer.GradientNorm / Math.Sqrt(sum), 1e-13);
    }

    [Fact]
    public void Parameters_of_two_types_are_refused()
    {
        using CpuDevice device = new(1);
        (string, Tensor)[] p = [.. Parameters(device, DType.Float32, ("a", 1)), .. Parameters(device, DType.Float64, ("b", 1))];
        Assert.Contains("share dtype and device", Assert.Throws<TensorException>(() => new Sgd(p, 0.1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Averages_are_swapped_in_and_out_bit_by_bit()
    {
        (Linear _, ParameterStore store) = ParameterStore.Build(static at => new Linear(at, 3, 5), seed: 4);
        using ParameterStore owned = store;
        using ExponentialMovingAverage average = new(store, 0.75);
        Tensor w = store.Trainable[0].Tensor;
        float[] before = w.ToArray<float>(), moved = [.. before.Select(static v => v + 1)];
        w.Write<float>(moved);
        average.Update();
        using (average.Use())
            Assert.Equal(before.Select(static v => v + 0.25f), w.ToArray<float>(), static (a, b) => MathF.Abs(a - b) < 1e-6f);
        Assert.Equal(moved, w.ToArray<float>());
    }

    [Fact]
    public void Three_phases_fall_back_as_they_rose()
    {
        OneCycle cycle = new(1, 100, rise: 0.3, linear: true, div: 10, finalDiv: 100, threePhase: true);
        Assert.Equal(0.1, cycle.Rate(0), 1e-12);
        Assert.Equal(1, cycle.Rate(29), 1e-12);
        Assert.Equal(0.1, cycle.Rate(58), 1e-12);
        Assert.Equal(cycle.Rate(20), cycle.Rate(38), 1e-12);
        Assert.Equal(0.001, cycle.Rate(99), 1e-12);
        Assert.Equal(0.85, cycle.Momentum(29)!.Value, 1e-12);
        Assert.Equal(0.95, cycle.Momentum(80)!.Value, 1e-12);
    }
}
