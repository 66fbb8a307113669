using MiniTorch.Cuda;
using MiniTorch.Models;
using MiniTorch.Ops;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.Cuda;

/// <summary>A training whose steps are repeated as a graph is the ordinary one, bit for bit.</summary>
public sealed class TrainingGraphTests
{
    const int Side = 16, Classes = 4, Batch = 4;

    /// <summary>Samples of the steps: enough of one size to be captured and repeated, a smaller batch, and again.</summary>
    static readonly int[] sizes = [4, 4, 4, 4, 4, 4, 3, 4, 4, 4, 4, 4, 4];

    /// <summary>A ConvNeXt-dcls with drop path, and dropout behind it.</summary>
    sealed class Net : ILayer
    {
        readonly ConvNeXt body;
        readonly RandomSite dropped;

        internal Net(ParameterScope at)
        {
            ConvNeXtOptions options = new() { Depths = [1, 1], Dims = [8, 16], InputChannels = 1, Classes = Classes, LayerScale = 1, DropPath = 0.3, Stem = [2, 2] };
            (body, dropped) = (new(at["body"], options, Dcls.Official("gauss", size: 7, count: 6)), at.Random("dropout"));
        }

        public Tensor Forward(Tensor x) => body.Forward(x.Dropout(0.1, dropped));
    }

    /// <summary>What steps have come to: losses, counts of right guesses, parameters and their averages.</summary>
    sealed record Outcome(double[] Losses, (int, int)[] Hits, Dictionary<string, float[]> Values);

    /// <summary>A model with all that a step consists of; each step with another learning rate and momentum.</summary>
    sealed class Course : IDisposable
    {
        readonly Device device;
        readonly Net model;
        readonly ParameterStore store;
        readonly Optimizer optimizer;
        readonly ExponentialMovingAverage average;
        readonly Hits hits;
        readonly Tensor images, labels;
        readonly List<double> losses = [];
        readonly RandomStream random = new(5, 1);
        int steps;

        internal Course(Device device, bool captured, string optimizer)
        {
            this.device = device;
            (model, store) = ParameterStore.Build(static at => new Net(at), device, seed: 3);
            this.optimizer = optimizer == "lamb" ? new Lamb(store.Trainable, 5e-3) : new AdamW(store.Trainable, 5e-3) { ClipNorm = 0.5 };
            (average, hits) = (new(store, 0.9, warmUp: true), new(Classes, device));
            (images, labels) = (Tensor.Lasting([Batch, Side, Side, 1], device: device), Tensor.Lasting([Batch], DType.Int32, device));
            Step = new(store, [this.optimizer], average, hits, batch =>
            {
                Tensor logits = model.Forward(batch.Images);
                return (logits, CrossEntropy.Of(logits, batch.Labels, 0.1));
            }, static loss => loss, captured);
        }

        internal LearningStep Step { get; }

        internal void Run(int count)
        {
            (Tensor x, Tensor y) = count == Batch ? (images, labels) : (images.View([count, Side, Side, 1]), labels.View([count]));
            x.Write<float>([.. Enumerable.Range(0, x.Count).Select(_ => (float)random.NextNormal())]);
            y.Write<int>([.. Enumerable.Range(0, count).Select(_ => random.NextInt(Classes))]);
            store.Randomness.Advance();
            (optimizer.Rate, optimizer.Momentum) = (5e-3 / ++steps, 0.9 - 0.01 * steps);
            Step.Run(new(x, y, 0));
            while (Step.TryTake(all: false, out double loss, out _)) losses.Add(loss);
        }

        /// <summary>Memory comes and goes between steps, as in an evaluation.</summary>
        internal void Evaluate()
        {
            using Step step = MiniTorch.Step.Begin();
            using Tape.Pause pause = Tape.Paused();
            using ExponentialMovingAverage.Swap swap = average.Use();
            _ = model.Forward(Tensor.Zeros([7, Side, Side, 1], device: device)).ToArray<float>();
        }

        internal Outcome End()
        {
            while (Step.TryTake(all: true, out double loss, out _)) losses.Add(loss);
            Dictionary<string, float[]> values = store.All.ToDictionary(static p => p.Name, static p => p.Tensor.ToArray<float>());
            using (ExponentialMovingAverage.Swap swap = average.Use())
                foreach ((string name, Tensor x) in store.All) values["average " + name] = x.ToArray<float>();
            return new([.. losses], hits.Read(), values);
        }

        public void Dispose()
        {
            Step.Dispose();
            images.Free();
            labels.Free();
            hits.Dispose();
            average.Dispose();
            optimizer.Dispose();
            store.Dispose();
        }
    }

    [Theory]
    [InlineData("adamw", true, true)]
    [InlineData("adamw", false, false)]
    [InlineData("lamb", true, false)]
    public void Steps_that_are_repeated_are_the_ordinary_ones(string optimizer, bool libraries, bool exactBlocks)
    {
        Outcome expected = Learn(captured: false), actual = Learn(captured: true);
        Assert.Equal(expected.Losses, actual.Losses);
        Assert.Equal(expected.Hits, actual.Hits);
        foreach ((string name, float[] values) in expected.Values) Assert.Equal(values, actual.Values[name]);
        Assert.Equal(sizes.Length, expected.Losses.Distinct().Count());

        Outcome Learn(bool captured)
        {
            using EmulatedDriver driver = new();
            using CudaDevice device = CudaDevice.Emulated(driver, libraries, exactBlocks);
            using Course course = new(device, captured, optimizer);
            foreach (int size in sizes)
            {
                course.Run(size);
                course.Evaluate();
            }
            Assert.Equal(captured ? 3 + 3 : 0, driver.GraphLaunches);       // three ordinary runs of each batch memory and shape come first, of the smaller one nothing else
            return course.End();
        }
    }

    [Fact]
    public void A_repeated_step_sends_the_batch_and_the_numbers_and_launches_a_graph()
    {
        using EmulatedDriver driver = new();
        using CudaDevice device = CudaDevice.Emulated(driver);
        using Course course = new(device, captured: true, "adamw");
        for (int i = 0; i < 5; i++) course.Run(Batch);
        (long queued, long sent, long read) = (device.Queued, driver.BytesToDevice, driver.BytesToHost);
        course.Run(Batch);
        Assert.Equal(1, device.Queued - queued);
        Assert.Equal(sizeof(float) * Batch * Side * Side + sizeof(int) * Batch + 4 * sizeof(int) + 8 * sizeof(double) + sizeof(double), driver.BytesToDevice - sent);
        Assert.Equal(sizeof(float), driver.BytesToHost - read);
        Assert.Equal(1, course.Step.Pending);
    }

    /// <summary>Taps whose widths follow a schedule, repelled from the second epoch on, with dropout.</summary>
    sealed class Scheduled : ILayer
    {
        readonly Conv2d stem;
        readonly Dcls2d taps;
        readonly Linear head;
        readonly RandomSite dropped;

        internal Scheduled(ParameterScope at)
        {
            stem = new(at["stem"], 1, 4, 2, stride: 2);
            taps = new(at["taps"], 4, 4, 5, 5, padding: 2, groups: 4, version: Interpolation.Gauss, options: new() { LearnSigma = false });
            (head, dropped) = (new(at["head"], 4, SmallClasses), at.Random("dropout"));
        }

        public Tensor Forward(Tensor x) => head.Forward(taps.Forward(stem.Forward(x)).Gelu().Mean([1, 2]).Dropout(0.2, dropped));
    }

    const int SmallClasses = 4;

    /// <summary>One batch an update, and several: then the first, the last and those between are captured for themselves.</summary>
    [Theory, InlineData(1, 13), InlineData(2, 7), InlineData(3, 4)]
    public void A_training_that_is_interrupted_and_goes_on_ends_where_the_ordinary_one_does(int accumulate, int stopAfter)
    {
        using TemporaryFolder folder = new();
        RunFolder plain = RunFolder.Create(folder.Path, "plain", "{}"), captured = RunFolder.Create(folder.Path, "captured", "{}");
        TrainingResult expected = Train(plain, accumulate, graph: false, resume: false, stopAfter: int.MaxValue);
        Assert.True(Train(captured, accumulate, graph: true, resume: false, stopAfter).Interrupted);
        TrainingResult actual = Train(captured, accumulate, graph: true, resume: true, stopAfter: int.MaxValue);
        Assert.Equal((expected.Last!.TrainLoss, expected.Last.TrainAccuracy, expected.Last.ValidationLoss), (actual.Last!.TrainLoss, actual.Last.TrainAccuracy, actual.Last.ValidationLoss));
        Safetensors ours = Safetensors.Read(plain.Checkpoint("last")), theirs = Safetensors.Read(captured.Checkpoint("last"));
        Assert.Equal(ours.Tensors.Keys.Order(), theirs.Tensors.Keys.Order());
        foreach ((string name, StoredTensor values) in ours.Tensors) Assert.Equal(values.ToDoubles(), theirs.Tensors[name].ToDoubles());
    }

    static TrainingResult Train(RunFolder run, int accumulate, bool graph, bool resume, int stopAfter)
    {
        using EmulatedDriver driver = new();
        using CudaDevice device = CudaDevice.Emulated(driver);
        (Scheduled model, ParameterStore store) = ParameterStore.Build(static at => new Scheduled(at), device, seed: 2);
        using ParameterStore owner = store;
        TrainingOptions options = new()
        {
            Epochs = 3, Batch = accumulate == 1 ? 5 : 3, Accumulate = accumulate, Rate = 5e-3, WarmUpEpochs = 1, ClipNorm = 1, EmaDecay = 0.9, LabelSmoothing = 0.1, Sigma = new(2, 2, Smooth: true), Repulsion = RepulsionKind.Squared, RepulsionFromEpoch = 1,
            HoldBackEvery = 5, Graph = graph ? null : false,
        };
        using Trainer trainer = new(model, store, SmallIdx.Array(60), options);
        if (resume) trainer.Resume(run);
        else trainer.Folder = run;
        using CancellationTokenSource stop = new();
        TrainingResult result = trainer.Run(progress =>
        {
            Assert.True(double.IsFinite(progress.Loss));
            if (progress.Step >= stopAfter) stop.Cancel();
        }, stop.Token);
        Assert.Equal(graph, driver.GraphLaunches > 0);
        return result;
    }

    /// <summary>Its gain follows from the widths, which a schedule changes between the steps.</summary>
    [Fact]
    public void The_two_dots_network_is_repeated_with_the_widths_of_then()
    {
        const int Picture = 12, Runs = 6;
        using CpuDevice cpu = new(1);
        using EmulatedDriver driver = new();
        using CudaDevice device = CudaDevice.Emulated(driver);
        float[][] expected = Logits(cpu), actual = Logits(device);
        for (int run = 0; run < Runs; run++)
            for (int i = 0; i < expected[run].Length; i++) Assert.Equal(expected[run][i], actual[run][i], 1e-4 * Math.Abs(expected[run][i]) + 1e-6);
        Assert.True(driver.GraphLaunches > 1 && expected[^1][0] != expected[^2][0]);

        static float[][] Logits(Device on)
        {
            (ILayer model, ParameterStore store) = ParameterStore.Build(static at => new TwoDotsNetwork(5, true).Build(at, [Picture, Picture, 1], 3), on, seed: 1);
            using ParameterStore owner = store;
            Dcls layer = store.Constrained.OfType<Dcls>().Single();
            RandomStream random = new(1, 1);
            Tensor x = Tensor.Lasting([2, Picture, Picture, 1], device: on), y = Tensor.Lasting([2, 3], device: on);
            x.Write<float>([.. Enumerable.Range(0, x.Count).Select(_ => (float)random.NextNormal())]);
            using StepGraph<int>? graph = on is CudaDevice gpu ? new(gpu) : null;
            float[][] all = new float[Runs][];
            for (int run = 0; run < Runs; run++)
            {
                layer.SetSigma(2.0 / (1 + run));
                if (graph is null) Forward();
                else graph.Run(0, Forward);
                all[run] = y.ToArray<float>();
            }
            return all;

            void Forward()
            {
                using Step step = Step.Begin();
                using Tape.Pause pause = Tape.Paused();
                y.Assign(model.Forward(x));
            }
        }
    }

    [Fact]
    public void A_graph_is_asked_for_on_a_gpu_only()
    {
        using CpuDevice cpu = new(1);
        (Scheduled model, ParameterStore store) = ParameterStore.Build(static at => new Scheduled(at), cpu);
        using ParameterStore owner = store;
        Assert.StartsWith("steps are captured as a graph on a CUDA device only, got cpu",
            Assert.Throws<ArgumentException>(() => new Trainer(model, store, SmallIdx.Array(60), new() { Batch = 5, Graph = true })).Message);
    }
}

/// <summary>What a native driver is asked for in a step that is repeated.</summary>
[Collection(StubTests.Name)]
public sealed class NativeGraphTests(StubDriver stub)
{
    [Fact]
    public void A_repeated_step_is_one_launch_between_copies()
    {
        stub.Begin();
        using CudaDevice device = CudaDevice.Open();
        (Linear model, ParameterStore store) = ParameterStore.Build(static at => new Linear(at, 8, 4), device);
        using ParameterStore owner = store;
        using AdamW optimizer = new(store.Trainable, 1e-3) { ClipNorm = 1 };
        using ExponentialMovingAverage average = new(store, 0.9);
        using Hits hits = new(4, device);
        Tensor images = Tensor.Lasting([4, 8], device: device), labels = Tensor.Lasting([4], DType.Int32, device);
        using LearningStep step = new(store, [optimizer], average, hits, batch =>
        {
            Tensor logits = model.Forward(batch.Images);
            return (logits, CrossEntropy.Of(logits, batch.Labels));
        }, static loss => loss, captured: true);
        for (int run = 1; run <= 5; run++)
        {
            Assert.Equal(run > 4, step.IsCaptured);
            if (run == 5) stub.Begin();
            images.Write<float>(new float[32]);
            labels.Write<int>(new int[4]);
            step.Run(new(images, labels, 0));
            while (step.TryTake(all: false, out _, out _)) { }
        }
        string compute = $"stream {device.Compute - 0x5000}";
        Assert.Equal([$"to device 128 {compute}", $"to device 16 {compute}", $"to device 64 {compute}", $"to device 8 {compute}", "launch graph", $"to host 4 {compute}"], stub.Log);
        images.Free();
        labels.Free();
    }
}
