using MiniTorch.Models;
using MiniTorch.Models.Profiling;
using MiniTorch.Ops;
using MiniTorch.Tests.Cases;

namespace MiniTorch.Tests.Profiling;

/// <summary>What a profile says of a step; never how long anything took.</summary>
public sealed class ProfileTests
{
    /// <summary>A network whose work is counted by hand: x + scale(project(gelu(norm(depthwise x)))) and a mean.</summary>
    sealed class Small(ParameterScope at) : ILayer
    {
        internal const int C = 6, Out = 5;
        readonly ILayer depthwise = Conv2d.Depthwise(at["dwconv"], C, 3, bias: true, null, null);
        readonly LayerNorm norm = new(at["norm"], C);
        readonly Linear project = new(at["head"]["fc"], C, Out);

        public Tensor Forward(Tensor x) => project.Forward(norm.Forward(depthwise.Forward(x)).Gelu()).Mean([1, 2]);
    }

    /// <summary>A 3×3 window with padding 1 meets 3·4 − 2 = 10 rows of 4 and 3·5 − 2 = 13 columns of 5; x has no gradient.</summary>
    [Fact]
    public void Flops_and_bytes_are_those_counted_by_hand()
    {
        const int N = 2, H = 4, W = 5, Pixels = N * H * W;
        using CpuDevice device = new(2);
        (Small net, ParameterStore store) = ParameterStore.Build(static at => new Small(at), device);
        using ParameterStore owner = store;
        Tensor x = Tensor.Lasting([N, H, W, Small.C], device: device);
        StepProfile step = Profile.Of(device, () =>
        {
            using Step scope = Step.Begin();
            Tensor loss;
            using (Profile.Scope phase = Profile.Phase("forward")) loss = net.Forward(x).Sum();
            using (Profile.Scope phase = Profile.Phase("backward")) loss.Backward();
        });
        const double Depthwise = 2.0 * N * Small.C * 10 * 13, Linear = 2.0 * Pixels * Small.C * Small.Out;
        Assert.Equal([("dwconv", "DepthwiseConv", Depthwise), ("head.fc", "Linear", Linear)], Products("forward"));
        Assert.Equal([("head.fc", "Linear", 2 * Linear), ("dwconv", "DepthwiseConv", Depthwise)], Products("backward"));

        Assert.Equal(2 * 4.0 * Pixels * Small.C, Bytes("forward", "", "Gelu"));
        Assert.Equal(3 * 4.0 * Pixels * Small.C, Bytes("backward", "", "Gelu"));
        Assert.Equal(2 * 4.0 * Pixels * Small.C, Bytes("forward", "norm", "LayerNorm"));
        Assert.Equal(4.0 * (Pixels * Small.C + Small.C * Small.Out + Pixels * Small.Out), Bytes("forward", "head.fc", "Linear"));
        Assert.Equal(4.0 * (2 * Pixels * Small.C + 9 * Small.C), Bytes("forward", "dwconv", "DepthwiseConv"));
        Assert.Equal(["Sum"], step.Kernels.Where(static k => k.Phase == "forward").Select(static k => k.Op).Except(["DepthwiseConv", "LayerNorm", "Gelu", "Linear"]));
        GC.KeepAlive(x);

        (string, string, double)[] Products(string phase) =>
        [
            .. step.Kernels.Where(k => k.Phase == phase && k.Cost!.Value.Flops > 0).GroupBy(static k => (k.Layer, k.Op))
                .Select(static g => (g.Key.Layer, g.Key.Op, g.Sum(static k => k.Cost!.Value.Flops))),
        ];
        double Bytes(string phase, string layer, string op) => step.Kernels.Where(k => (k.Phase, k.Layer, k.Op) == (phase, layer, op)).Sum(static k => k.Cost!.Value.Bytes);
    }

    [Fact]
    public void Every_kernel_has_a_phase_an_op_a_layer_and_a_cost()
    {
        StepProfile step = Nano(training: true);
        Assert.Equal([NetworkStep.Forward, NetworkStep.Loss, NetworkStep.Backward, NetworkStep.Update], step.Phases.Select(static p => p.Name));
        Assert.All(step.Kernels, static k => Assert.True(k.Phase.Length > 0 && k.Op.Length > 0 && k.Cost is { Bytes: > 0 }, k.ToString()));
        Assert.Equal(["CrossEntropy"], Ops(NetworkStep.Loss).Select(static k => k.Op).Distinct());
        Assert.Equal(["Adam", "Positions"], Ops(NetworkStep.Update).Select(static k => k.Op).Distinct());
        Assert.Equal(["DclsKernel", "Sum"], Outside(NetworkStep.Forward));
        Assert.Equal(["CrossEntropy", "DclsKernel", "Fill", "Sum"], Outside(NetworkStep.Backward).Order());
        Assert.Empty(Outside(NetworkStep.Update));
        (string, string)[] forward = [.. Ops(NetworkStep.Forward).Select(static k => (k.Layer, k.Op)).Distinct()];
        Assert.Empty(Ops(NetworkStep.Backward).Where(static k => k.Op is not ("CrossEntropy" or "Fill")).Select(static k => (k.Layer, k.Op)).Except(forward));
        Assert.Empty(((IEnumerable<(string, string)>)[("stages.0.0.dwconv", "DepthwiseConv"), ("stages.1.0.pwconv2", "Linear"), ("stages.1.0.pwconv1", "LinearGelu"),
            ("stages.1.0", "Residual"), ("downsample_layers.0.0", "Conv"), ("head", "Linear")]).Except(forward));

        IEnumerable<KernelRun> Ops(string phase) => step.Kernels.Where(k => k.Phase == phase);
        IEnumerable<string> Outside(string phase) => Ops(phase).Where(static k => k.Layer.Length == 0).Select(static k => k.Op).Distinct();
    }

    /// <summary>Each in one launch, outside the layers of the network.</summary>
    [Fact]
    public void A_training_with_averaged_weights_shows_them_beside_the_optimizer()
    {
        using CpuDevice device = new(2);
        using NetworkStep step = new(device, NamedModels.Of("convnext_speck").Network, [2, 28, 28, 1], 10, true, 0, new() { EmaDecay = 0.9, LabelSmoothing = 0.1 });
        step.Run();
        StepProfile profile = Profile.Of(device, step.Run);
        Assert.Equal([("optimizer", "Adam.update"), ("optimizer", "ExponentialMovingAverage.blend")],
            profile.Kernels.Where(static k => k.Phase == NetworkStep.Update).Select(static k => (k.Layer, k.Kernel)));
    }

    [Theory, InlineData(true), InlineData(false)]
    public void The_parts_of_the_table_are_the_step(bool training)
    {
        StepProfile step = MedianStep.Of([Nano(training), Nano(training), Nano(training)]);
        ProfileTable table = ProfileTable.Of(step, 1.01 * step.Seconds, 1e11, 1e10);
        Assert.Equal(1.01e3 * step.Seconds, table.Ms, 1e-9);
        Assert.Equal(table.Ms, table.Rows.Sum(static r => r.Ms), 1e-9);
        Assert.Equal(1, table.Rows.Sum(static r => r.Share), 1e-9);
        Assert.Equal(step.Kernels.Count, table.Rows.Sum(static r => r.Kernels));
        Assert.Equal(table.RestMs, table.Rows.Where(static r => r.Layer == ProfileTable.Host).Sum(static r => r.Ms), 1e-9);
        Assert.All(table.Rows, static r => Assert.True(r.Ms >= 0, r.ToString()));
        Assert.Equal(table.Rows.OrderByDescending(static r => r.Ms), table.Rows);
        Assert.InRange(table.Rows.Max(static r => r.PeakMb), 0.001, table.PeakMb);
        double end = 0;
        foreach (KernelRun k in step.Kernels)
        {
            PhaseRun phase = step.Phases.Single(p => p.Name == k.Phase);
            Assert.True(end <= k.Begin && k.Begin <= k.End && phase.Begin <= k.Begin && k.End <= phase.End, k.ToString());
            end = k.End;
        }
        Assert.True(step.Phases[^1].End <= step.Seconds);
    }

    [Fact]
    public void Watching_changes_no_result_and_no_memory()
    {
        using CpuDevice device = new(2);
        NamedModel model = NamedModels.Of("convnext_dcls_speck");
        Shape batch = [2, 28, 28, 1];
        using NetworkStep plain = new(device, model.Network, batch, 10, true, 1), watched = new(device, model.Network, batch, 10, true, 1);
        for (int i = 0; i < 2; i++)
        {
            plain.Run();
            long live = device.Pool.LiveBytes;
            StepProfile step = Profile.Of(device, watched.Run);
            if (i == 0) continue;           // gradients are made in the first step
            Assert.Equal(live, device.Pool.LiveBytes);
            device.Pool.ResetPeak();
            plain.Run();
            Assert.Equal(device.Pool.PeakBytes, step.PeakBytes);
            watched.Run();
        }
        foreach (((string name, Tensor a), (_, Tensor b)) in plain.Trainable.Zip(watched.Trainable)) Assert.True(a.ToDoubles().AsSpan().SequenceEqual(b.ToDoubles()), name);
    }

    [Fact]
    public void Only_its_own_thread_and_device_are_watched()
    {
        using CpuDevice device = new(1), other = new(1);
        static void Work(CpuDevice on)
        {
            using Step step = Step.Begin();
            _ = (Tensor.Zeros([8], device: on) + 1).ToDoubles();
        }
        StepProfile step = Profile.Of(device, () =>
        {
            Work(device);
            Work(other);
            Thread thread = new(() => Work(device));
            thread.Start();
            thread.Join();
            Assert.Contains("already being taken", Assert.Throws<TensorException>(() => Profile.Of(device, static () => { })).Message);
        });
        Assert.Equal(["Clear", "Line.value"], step.Kernels.Select(static k => k.Kernel));
        Work(device);
        Assert.Equal(2, step.Kernels.Count);
    }

    public static TheoryData<string> Names => [.. OpCases.ByName.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Every_operation_tells_its_cost(string name)
    {
        OpCase c = OpCases.ByName[name];
        using CpuDevice device = new(1);
        Tensor[] inputs = c.Draw(DType.Float32, device);
        StepProfile step = Profile.Of(device, () =>
        {
            using Step scope = Step.Begin();
            Tensor y = c.Run(inputs);
            if (y.Source is not null) y.Backward(Tensor.Zeros(y.Shape, y.DType, device));
        });
        Assert.All(step.Kernels, static k => Assert.True(k.Cost is { Flops: >= 0, Bytes: >= 0, Shape.Length: > 0 } cost && double.IsFinite(cost.Flops + cost.Bytes), k.ToString()));
        GC.KeepAlive(inputs);
    }

    internal static StepProfile Nano(bool training)
    {
        using CpuDevice device = new(2);
        NetworkStep step = new(device, new ConvNeXtNetwork(new() { Depths = [1, 1], Dims = [8, 16], DropPath = 0.1 }, new("v1", 7, 5)), [2, 28, 28, 1], 10, training, 0);
        using NetworkStep owner = step;
        step.Run();
        return Profile.Of(device, step.Run);
    }
}
