using MiniTorch.Models;
using MiniTorch.Ops;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.Taps;

/// <summary>What the trainer does with widths and positions.</summary>
public sealed class DclsTrainingTests
{
    const int Samples = 48, Count = 4;

    static readonly TrainingOptions options = new()
    {
        Epochs = 1, Batch = Samples, Rate = 0.01, Schedule = ScheduleKind.Constant, Optimizer = OptimizerKind.Sgd, WeightDecay = 0, HoldBackEvery = 0,
    };

    /// <summary>Two layers of one set of positions, and a linear read-out.</summary>
    sealed class Net : ILayer
    {
        readonly Linear head;

        internal Net(ParameterScope at, DclsOptions options, Interpolation version, int count)
        {
            First = new(at["first"], 1, 1, count, 5, padding: 2, version: version, options: options);
            Second = new(at["second"], 1, 1, count, 5, stride: 5, version: version, options: options with { SharedWith = First });
            head = new(at["head"], 4, 4);
        }

        internal Dcls2d First { get; }
        internal Dcls2d Second { get; }

        public Tensor Forward(Tensor x) => head.Forward(Second.Forward(First.Forward(x)).Reshape([x.Shape[0], 4]));
    }

    static void Train(TrainingOptions options, DclsOptions? taps = null, Interpolation? version = null, int count = Count, Action<Net, TrainingProgress>? progress = null,
        Action<Net>? before = null, Action<Net>? after = null)
    {
        using CpuDevice device = new(1);
        (Net net, ParameterStore store) = ParameterStore.Build(at => new Net(at, taps ?? new(), version ?? Interpolation.Gauss, count), device, DType.Float64);
        using ParameterStore owner = store;
        before?.Invoke(net);
        using Trainer trainer = new(net, store, SmallIdx.Array(Samples), options);
        trainer.Run(p => progress?.Invoke(net, p), TestContext.Current.CancellationToken);
        after?.Invoke(net);
    }

    [Fact]
    public void A_schedule_sets_the_widths_that_are_not_learned_at_the_start_of_each_epoch()
    {
        SigmaSchedule schedule = new(Initial: 2, Epochs: 4, Floor: 0.25);
        List<double> seen = [];
        Train(options with { Epochs = 6, Batch = Samples / 2, Sigma = schedule }, new() { LearnSigma = false }, progress: (net, p) =>
        {
            if (p.Finished is not null) return;
            Assert.Single(net.First.Sigma!.ToDoubles().Distinct());
            seen.Add(net.First.Sigma!.ToDoubles()[0]);
        });
        double[] expected = [2, 2 / Math.Pow(8, 0.25), 2 / Math.Pow(8, 0.5), 2 / Math.Pow(8, 0.75), 0.25, 0.25];     // 2 · (1/8)^(e/4), then the floor
        Assert.Equal(2 * expected.Length, seen.Count);
        for (int step = 0; step < seen.Count; step++) Assert.Equal(expected[step / 2], seen[step], 1e-12);
    }

    [Fact]
    public void A_schedule_leaves_learned_widths_alone_and_says_so()
    {
        string message = Assert.Throws<ArgumentException>(() => Train(options with { Sigma = new(2, 4) })).Message;
        Assert.Contains("LearnSigma = false", message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Train(options with { Sigma = new(2, 4) }, version: Interpolation.Triangle));
    }

    [Theory, InlineData(0.0, 4.0, 0.23), InlineData(-1.0, 4.0, 0.23), InlineData(2.0, 0.0, 0.23), InlineData(2.0, 4.0, 0.0)]
    public void A_schedule_without_sense_is_refused(double initial, double epochs, double floor)
        => Assert.Contains("sigma schedule", Assert.Throws<ArgumentException>(() => Train(options with { Sigma = new(initial, epochs, floor) }, new() { LearnSigma = false })).Message,
            StringComparison.Ordinal);

    [Fact]
    public void A_schedule_that_starts_below_its_floor_stays_where_it_is() => Assert.All(new double[] { 0, 1, 5, 9 }, static e => Assert.Equal(0.1, new SigmaSchedule(0.1, 5).At(e)));

    /// <summary>The first step of Nesterov's momentum 0.9 is 1.9 · rate · gradient; positions have five times the rate.</summary>
    [Theory, InlineData(RepulsionKind.Exact), InlineData(RepulsionKind.Squared)]
    public void The_repulsion_moves_positions_by_its_gradient_once_for_each_set(RepulsionKind kind)
    {
        double[] start = [], without = [], with = [];
        Train(options, before: net => start = Near(net), after: net => without = net.First.Position.ToDoubles());
        Train(options with { Repulsion = kind }, before: net => Near(net), after: net => with = net.First.Position.ToDoubles());
        (double value, double[] slopes) = Repulsive(start);
        Assert.InRange(value, 0.01, 1);
        for (int i = 0; i < slopes.Length; i++)
            Assert.Equal(-1.9 * 5 * 0.01 * slopes[i] * (kind == RepulsionKind.Squared ? 2 * value : 1), with[i] - without[i], 1e-12);

        static double[] Near(Net net)
        {
            double[] near = [.. net.First.Position.ToDoubles().Select(static p => p / 2)];
            net.First.Position.WriteDoubles(near);
            return near;
        }
    }

    /// <summary>2/(K(K−1)) Σ max(0, 1 − ‖pᵢ − pⱼ‖) over the pairs of the one kernel, and its gradient; P is [2, count, 1, 1].</summary>
    static (double Value, double[] Slopes) Repulsive(double[] p)
    {
        double value = 0;
        double[] slopes = new double[p.Length];
        for (int i = 0; i < Count; i++)
            for (int j = 0; j < i; j++)
            {
                double h = p[i] - p[j], w = p[Count + i] - p[Count + j], distance = Math.Sqrt(h * h + w * w), share = 2.0 / (Count * (Count - 1));
                if (distance >= 1) continue;
                value += share * (1 - distance);
                slopes[i] -= share * h / distance;
                slopes[j] += share * h / distance;
                slopes[Count + i] -= share * w / distance;
                slopes[Count + j] += share * w / distance;
            }
        return (value, slopes);
    }

    [Fact]
    public void The_repulsion_begins_with_its_epoch()
    {
        Dictionary<int, double[]>[] runs = [[], []];
        for (int run = 0; run < 2; run++)
        {
            int number = run;
            Train(options with { Epochs = 3, Repulsion = run == 0 ? RepulsionKind.None : RepulsionKind.Exact, RepulsionFromEpoch = 2 }, progress: (net, p) =>
            {
                if (p.Finished is null) runs[number][p.Step] = net.First.Position.ToDoubles();
            });
        }
        Assert.Equal(runs[0][1], runs[1][1]);
        Assert.Equal(runs[0][2], runs[1][2]);
        Assert.NotEqual(runs[0][3], runs[1][3]);
    }

    [Fact]
    public void The_repulsion_needs_taps_to_keep_apart()
    {
        Assert.Contains("two taps", Assert.Throws<ArgumentException>(() => Train(options with { Repulsion = RepulsionKind.Exact }, count: 1)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Train(options with { RepulsionFromEpoch = -1 }));
    }

    [Fact]
    public void After_each_step_positions_are_inside_the_window()
        => Train(options with { Epochs = 4, Rate = 5 }, progress: static (net, _) => Assert.All(net.First.Position.ToDoubles(), static p => Assert.InRange(p, -2, 2)));
}
