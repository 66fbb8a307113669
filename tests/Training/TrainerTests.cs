using System.Text.Json;
using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Training;

public sealed class TrainerTests : IDisposable
{
    static readonly TrainingOptions options = new()
    {
        Epochs = 3, Batch = 8, Rate = 5e-3, Seed = 11, EmaDecay = 0.9, Augment = new(Shift: 1, Flip: true), LabelSmoothing = 0.1, SaveSeconds = 0, Deviation = [0.25], Mean = [0.25],
    };

    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Learns_the_bright_quarter()
    {
        TrainingResult result = Train(null, options with { Epochs = 12, Augment = new(), Rate = 2e-2, EmaDecay = 0 }, threads: 2);
        Assert.True(result.Last!.TestAccuracy > 0.9, $"accuracy {result.Last.TestAccuracy}");
    }

    [Fact]
    public void Killed_at_any_step_it_goes_on_to_the_same_end_on_any_number_of_threads()
    {
        RunFolder straight = RunFolder.Create(folder.Path, "run", "{}");
        Train(straight, options, threads: 1);
        foreach (int stop in (ReadOnlySpan<int>)[1, 5, 9, 13])
        {
            RunFolder killed = RunFolder.Create(folder.Path, "run", "{}");
            int steps = 0;
            Assert.Throws<InvalidOperationException>(() => Train(killed, options, threads: 2, progress: _ =>
            {
                if (++steps == stop) throw new InvalidOperationException("killed");
            }));
            Train(killed, options, threads: 2, resume: true);
            RunComparison.AssertEqual(straight.Path, killed.Path);
        }
    }

    /// <summary>Augmented in every way, by two threads, with pictures that cannot be read among them.</summary>
    [Fact]
    public void Killed_within_an_epoch_of_augmented_pictures_it_goes_on_to_the_same_end()
    {
        string pictures = Path.Combine(folder.Path, "pictures");
        for (int i = 0; i < 48; i++)
        {
            Directory.CreateDirectory(Path.Combine(pictures, $"class {i % 4}"));
            string path = Path.Combine(pictures, $"class {i % 4}", $"{i:00}.bmp");
            if (i is 5 or 17) File.WriteAllText(path, "");
            else SmallBitmap.Write(path, 12 + i % 3, 14 - i % 2, (x, y) => (byte)(20 * x + 7 * y * (i % 4)));
        }
        (IDataset train, IDataset test) = Pictures.Open(pictures, SmallIdx.Side);
        TrainingOptions augmented = options with
        {
            Augment = new(Shift: 1, Flip: true, Crop: new(LeastArea: 0.5, Filter: PictureFilter.Random), Rand: "rand-m9-mstd0.5-inc1", Erasing: new(0.5), Mixing: new(Probability: 0.8)), Fit = new(0.875),
            Mean = Normalisation.ImageNetMean, Deviation = Normalisation.ImageNetDeviation, HoldBackEvery = 4, Workers = 1,
        };
        RunFolder straight = RunFolder.Create(folder.Path, "run", "{}");
        Train(straight, augmented, threads: 1, train: train, test: test);
        foreach (int stop in (ReadOnlySpan<int>)[2, 5])
        {
            RunFolder killed = RunFolder.Create(folder.Path, "run", "{}");
            int steps = 0;
            Assert.Throws<InvalidOperationException>(() => Train(killed, augmented with { Workers = 2 }, threads: 2, train: train, test: test, progress: _ =>
            {
                if (++steps == stop) throw new InvalidOperationException("killed");
            }));
            Train(killed, augmented with { Workers = 2 }, threads: 2, resume: true, train: train, test: test);
            RunComparison.AssertEqual(straight.Path, killed.Path);
            Assert.Equal(File.ReadAllLines(Path.Combine(straight.Path, "corrupt.txt")).Order(), File.ReadAllLines(Path.Combine(killed.Path, "corrupt.txt")).Order());
        }
        string[] named = File.ReadAllLines(Path.Combine(straight.Path, "corrupt.txt"));
        Assert.Equal(2, named.Length);
        Assert.All(named, static line => Assert.EndsWith(".bmp: it is empty", line, StringComparison.Ordinal));
        Assert.Equal(2, JsonDocument.Parse(File.ReadLines(straight.MetricsPath).Last()).RootElement.GetProperty("unreadable").GetInt32());
    }

    /// <summary>With an optimizer and a course of their own, positions go on as they would have.</summary>
    [Fact]
    public void Positions_with_a_course_of_their_own_go_on_too()
    {
        TrainingOptions apart = options with { Schedule = ScheduleKind.OneCycle, PositionSchedule = ScheduleKind.Cosine, PositionRateScale = 20 };
        RunFolder straight = RunFolder.Create(folder.Path, "run", "{}"), killed = RunFolder.Create(folder.Path, "run", "{}");
        Train(straight, apart, threads: 1);
        int steps = 0;
        Assert.Throws<InvalidOperationException>(() => Train(killed, apart, threads: 2, progress: _ =>
        {
            if (++steps == 7) throw new InvalidOperationException("killed");
        }));
        Train(killed, apart, threads: 2, resume: true);
        RunComparison.AssertEqual(straight.Path, killed.Path);
        Safetensors file = Safetensors.Read(straight.Checkpoint("last"));
        Assert.Contains(file.Tensors.Keys, static k => k.StartsWith("positions.", StringComparison.Ordinal));
        Assert.DoesNotContain(file.Tensors.Keys, static k => k.StartsWith("optimizer.", StringComparison.Ordinal) && k.EndsWith(".P", StringComparison.Ordinal));
    }

    [Fact]
    public void Asked_to_stop_it_finishes_the_step_and_saves()
    {
        RunFolder run = RunFolder.Create(folder.Path, "run", "{}");
        using CancellationTokenSource stop = new();
        TrainingResult result = Train(run, options with { SaveSeconds = 1000 }, threads: 1, progress: p =>
        {
            if (p.Step == 2) stop.Cancel();
        }, stop: stop.Token);
        Assert.True(result.Interrupted);
        Assert.Equal(2, JsonDocument.Parse(Safetensors.Read(run.Checkpoint("last")).Metadata["state"]).RootElement.GetProperty("step").GetInt32());
    }

    [Fact]
    public void A_loss_without_bound_stops_the_run_and_says_where()
    {
        DivergedException e = Assert.Throws<DivergedException>(() => Train(null, options, 1, loss: static (logits, _) => logits.Sum() * double.PositiveInfinity));
        Assert.Contains("step 1 of", e.Message);
        Assert.Contains("lower learning rate", e.Message);
    }

    /// <summary>The loss is that of the mixed targets in training and of the labels where the part held back is evaluated; hits are counted against the labels.</summary>
    [Fact]
    public void Mixed_targets_are_what_is_learned()
    {
        List<DType> types = [];
        TrainingOptions mixed = options with { Epochs = 1, Augment = new(Mixing: new()), LabelSmoothing = 0 };
        Train(null, mixed, threads: 1, loss: (logits, target) =>
        {
            types.Add(target.DType);
            if (target.DType == DType.Float32)
                foreach (float[] row in target.ToArray<float>().Chunk(4)) Assert.Equal(1, row.Sum(), 1e-5f);
            return CrossEntropy.Of(logits, target);
        });
        int steps = types.Count(static t => t == DType.Float32);
        Assert.Equal([.. Enumerable.Repeat(DType.Float32, steps), .. Enumerable.Repeat(DType.Int32, types.Count - steps)], types);
        Assert.Equal(5, steps);           // of 44 samples
        Assert.True(types.Count > steps);
    }

    [Fact]
    public void Other_data_is_refused()
    {
        RunFolder run = RunFolder.Create(folder.Path, "run", "{}");
        Train(run, options, threads: 1);
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => Train(run, options, 1, resume: true, count: 60));
        Assert.Contains("other data", e.Message);
    }

    static TrainingResult Train(RunFolder? run, TrainingOptions options, int threads, bool resume = false, int count = 48, Action<TrainingProgress>? progress = null,
        Func<Tensor, Tensor, Tensor>? loss = null, CancellationToken? stop = null, IDataset? train = null, IDataset? test = null)
    {
        using CpuDevice device = new(threads);
        train ??= SmallIdx.Array(count);
        (ILayer model, ParameterStore store) = ParameterStore.Build(at => new Net(at, train.Sample[2]), device, seed: options.Seed);
        using ParameterStore owned = store;
        using Trainer trainer = new(model, store, train, options, test: test ?? SmallIdx.Array(24), loss: loss) { Folder = run };
        if (resume) trainer.Resume(run!);
        return trainer.Run(progress, stop ?? TestContext.Current.CancellationToken);
    }

    sealed class Net(ParameterScope at, int channels) : ILayer
    {
        readonly Dcls2d dcls = new(at["dcls"], channels, 6, 3, 5, stride: 5, version: Interpolation.Gauss);
        readonly MiniTorch.Models.Dropout dropout = new(at["dropout"], 0.1);
        readonly Linear head = new(at["head"], 4 * 6, 4);

        public Tensor Forward(Tensor x)
            => head.Forward(dropout.Forward(dcls.Forward(x).Reshape([x.Shape[0], 4 * 6])));
    }
}

/// <summary>Compares two runs to the last digit, times excepted.</summary>
public static class RunComparison
{
    public static void AssertEqual(string a, string b)
    {
        foreach (string checkpoint in (ReadOnlySpan<string>)["last", "best"])
        {
            Safetensors x = Safetensors.Read(Path.Combine(a, checkpoint + ".safetensors")), y = Safetensors.Read(Path.Combine(b, checkpoint + ".safetensors"));
            Assert.Equal(x.Tensors.Keys, y.Tensors.Keys);
            foreach ((string name, StoredTensor tensor) in x.Tensors) Assert.True(tensor.Bytes.Span.SequenceEqual(y.Tensors[name].Bytes.Span), $"{checkpoint}: {name} differs");
        }
        Assert.Equal(Metrics(a), Metrics(b));
    }

    static EpochMetrics[] Metrics(string run)
        => [.. File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(static l => JsonSerializer.Deserialize<EpochMetrics>(l, RunJson.Line)! with { Seconds = 0, ImagesPerSecond = 0 })];
}
