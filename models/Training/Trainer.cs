using System.Diagnostics;
using System.Text;
using System.Text.Json;
using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>
/// Trains a classifier: shuffled, augmented batches, label-smoothed cross-entropy, an optimizer with a schedule, averaged weights, constraints of the layers,
/// metrics per epoch. With a <see cref="Folder"/> it writes checkpoints from which a killed run goes on to the very same end.
/// </summary>
public sealed class Trainer : IDisposable
{
    const double CountSeconds = 0.5;        // between two counts for whoever watches: each waits for the device
    const string LastName = "last", BestName = "best", ModelPrefix = "model.", AveragePrefix = "ema.", InitialPrefix = "initial.", MoverPrefix = "positions", UnreadableName = "corrupt.txt", StateKey = "state", ConfigKey = "config";

    readonly ILayer model;
    readonly MixedPrecision? mixed;         // the model, where it computes in bf16
    readonly RunKernels? kernels;
    readonly ParameterStore store;
    readonly TrainingOptions options;
    readonly IDataset? validation, test;
    readonly Func<Tensor, Tensor, Tensor> loss;
    readonly Func<Tensor, Tensor, Tensor>? ownLoss;
    readonly Loader loader;
    readonly Optimizer optimizer;
    readonly Optimizer? mover;              // of positions with a course of their own
    readonly ISchedule schedule;
    readonly ISchedule? moverSchedule;
    readonly ExponentialMovingAverage? average;
    readonly Dcls[] scheduled;
    readonly Tensor[] repelled;
    readonly Hits hits;
    readonly LearningStep learning;
    readonly Stopwatch session = new(), training = new(), sinceSave = new(), sinceCount = new();
    readonly Dictionary<string, StoredTensor> initial = [];
    TrainingState state = new();
    readonly int updates;                   // an epoch
    EventFile? events;
    int sessionSteps, sessionImages;
    int rightBefore;                        // of the running epoch, when the session began
    double accuracy;                        // of the running epoch, when it was last counted
    double secondsBefore;

    /// <summary>
    /// Prepares a training of <paramref name="model"/> ([n, ...sample] to [n, classes]), whose parameters are in <paramref name="store"/>. A test set is only
    /// looked at after the last epoch. Another loss takes logits and labels and gives a scalar; where samples are mixed it takes probabilities [n, classes] in training.
    /// </summary>
    public Trainer(ILayer model, ParameterStore store, IDataset train, TrainingOptions? options = null, IDataset? test = null,
        Func<Tensor, Tensor, Tensor>? loss = null)
    {
        options ??= new();
        options.Validate();
        (this.model, this.store, this.options, this.test) = (model, store, options, test);
        mixed = MixedPrecision.Of(options.Precision, model, store);
        kernels = RunKernels.Of(store.Device, options.Deterministic);
        IDataset part = train;
        if (options.HoldBackEvery > 0) (part, validation) = Subset.Split(train, options.HoldBackEvery);
        if (validation is { Count: 0 }) validation = null;
        if ((long)options.Batch * options.Accumulate > part.Count)
            throw new ArgumentException($"an update of {(long)options.Batch * options.Accumulate} samples is larger than the training part of {part.Count} samples; choose a smaller batch, or accumulate fewer");
        ownLoss = loss;
        this.loss = loss ?? ((logits, labels) => CrossEntropy.Of(logits, labels, options.LabelSmoothing));
        loader = new(part, options.Loading(part, augmented: true, options.Batch), store.DType, store.Device) { Unreadable = Note };
        hits = new(part.Classes.Count, store.Device);
        updates = loader.Batches / options.Accumulate;
        schedule = options.MakeSchedule(updates);
        bool apart = options.PositionSchedule is not null && store.Trainable.Any(static p => ParameterGroups.IsPosition(p.Name));
        optimizer = options.MakeOptimizer(store.Trainable.Where(p => !apart || !ParameterGroups.IsPosition(p.Name)), model);
        if (apart) (mover, moverSchedule) = (options.MakeOptimizer(store.Trainable.Where(static p => ParameterGroups.IsPosition(p.Name)), model), options.MakePositionSchedule(updates));
        Dcls[] taps = [.. store.Constrained.OfType<Dcls>()];
        scheduled = options.Sigma is null ? [] : [.. taps.Where(static d => d is { Sigma: not null, LearnsSigma: false })];
        repelled = options.Repulsion == RepulsionKind.None ? [] : [.. taps.Where(static d => d.KernelCount > 1).Select(static d => d.Position)];
        if (options.Sigma is not null && scheduled.Length == 0)
            throw new ArgumentException("the sigma schedule has no layer to set: build the DCLS layers with a version that has a SIG (gauss, max) and with LearnSigma = false");
        if (options.Repulsion != RepulsionKind.None && repelled.Length == 0)
            throw new ArgumentException("the repulsive loss needs a DCLS layer of at least two taps; leave it out or choose a model that has one");
        if (options.EmaDecay > 0) average = new(store, options.EmaDecay, warmUp: true);
        learning = new(store, mover is null ? [optimizer] : [optimizer, mover], average, hits, batch =>
        {
            Tensor logits = Network.Forward(batch.Images);
            return (logits, this.loss(logits, batch.Targets ?? batch.Labels));
        }, cost => cost + Repel(), options.Graph ?? store.Device is CudaDevice, options.Accumulate);
        foreach ((string name, Tensor value) in store.Trainable)
            if (ParameterGroups.IsPosition(name)) initial[name] = store.ToFile(name, value);
        state.Data = train.Fingerprint;
        state.Options = JsonSerializer.Serialize(options, RunJson.Line);
    }

    /// <summary>What batches go through.</summary>
    ILayer Network => mixed is null ? model : mixed;

    /// <summary>Updates in all.</summary>
    public int Steps => options.Epochs * updates;

    /// <summary>Where checkpoints and metrics are written; null (the default) writes no file.</summary>
    public RunFolder? Folder { get; set; }

    /// <summary>Told of each picture that cannot be read, once; the run's corrupt.txt names them all.</summary>
    public Action<UnreadablePictureException>? Unreadable { get; set; }

    /// <summary>Takes a run's folder and loads its last checkpoint; <see cref="Run"/> then goes on from it.</summary>
    public void Resume(RunFolder run)
    {
        Safetensors file = Safetensors.Read(run.Checkpoint(LastName));
        TrainingState read = ReadState(file);
        if (read.Data != state.Data)
            throw new InvalidDataException($"the run was trained on other data ({read.Data}) than is given now ({state.Data}); give the same data or start a new run");
        if (read.Options != state.Options) throw new InvalidDataException($"the run was started with other options than its config.json has now; restore it or start a new run");
        store.Load(file, ModelPrefix);
        optimizer.Load(file);
        mover?.Load(file, MoverPrefix);
        average?.Load(file, AveragePrefix);
        store.Randomness.Seek(read.RandomStep);
        foreach (string name in initial.Keys) initial[name] = file.Tensors[InitialPrefix + name];
        kernels?.Resume(run);
        run.CutMetrics(read.MetricsLength);
        (Folder, state, secondsBefore, rightBefore) = (run, read, read.Seconds, read.Right);
    }

    /// <summary>The weights that a checkpoint is judged by, under the model's own names: the averaged ones where it has them.</summary>
    public static IReadOnlyDictionary<string, StoredTensor> Weights(Safetensors checkpoint)
    {
        Dictionary<string, StoredTensor> weights = checkpoint.Tensors.Where(static t => t.Key.StartsWith(ModelPrefix, StringComparison.Ordinal))
            .ToDictionary(static t => t.Key[ModelPrefix.Length..], static t => t.Value);
        if (weights.Count == 0) throw new InvalidDataException("the checkpoint was not written by a training: it holds no model");
        foreach (string name in weights.Keys.ToArray())
            if (checkpoint.Tensors.TryGetValue(AveragePrefix + name, out StoredTensor? averaged)) weights[name] = averaged;
        return weights;
    }

    /// <summary>
    /// Trains to the end, or until <paramref name="stop"/> is asked for: then the running step is finished, a checkpoint written, and the result says so.
    /// </summary>
    public TrainingResult Run(Action<TrainingProgress>? progress = null, CancellationToken stop = default)
    {
        session.Start();
        sinceSave.Start();
        if (state.Step == 0) Save(LastName);
        if (Folder is not null)
        {
            events ??= new(Folder.Path, state.Step);
            kernels?.KeepIn(Folder);
        }
        while (state.Epoch < options.Epochs)
        {
            foreach (Batch batch in loader.Epoch(state.Epoch, state.Batch))
            {
                if (batch.Number >= updates * options.Accumulate) break;            // too few for another update
                training.Start();
                bool updated = Learn(batch);
                training.Stop();
                if (!updated) continue;
                if (progress is not null)
                {
                    if (!sinceCount.IsRunning || sinceCount.Elapsed.TotalSeconds >= CountSeconds) Count();
                    progress(Progress(null));
                }
                if (stop.IsCancellationRequested)
                {
                    Save(LastName);
                    return Result(interrupted: true);
                }
                if (sinceSave.Elapsed.TotalSeconds >= options.SaveSeconds) Save(LastName);
            }
            EpochMetrics finished = EndEpoch();
            progress?.Invoke(Progress(finished));
        }
        return Result(interrupted: false);
    }

    /// <summary>Frees buffers and states; the model's parameters are the store's.</summary>
    public void Dispose()
    {
        learning.Dispose();
        hits.Dispose();
        loader.Dispose();
        mixed?.Dispose();
        kernels?.Dispose();
        optimizer.Dispose();
        mover?.Dispose();
        average?.Dispose();
        events?.Dispose();
    }

    void Note(UnreadablePictureException picture)
    {
        if (!state.Unreadable.TryAdd(picture.Path, picture.Why)) return;
        Folder?.Write(UnreadableName, Encoding.UTF8.GetBytes(string.Concat(state.Unreadable.Select(static u => $"{u.Key}: {u.Value}\n"))));
        Unreadable?.Invoke(picture);
    }

    /// <summary>Learns from a batch; true if it was the last of an update.</summary>
    bool Learn(Batch batch)
    {
        int number = state.Batch % options.Accumulate;
        store.Randomness.Advance();
        if (number == 0) Prepare();
        learning.Run(batch, repelled.Length > 0 && state.Epoch >= options.RepulsionFromEpoch, number);
        bool updated = number == options.Accumulate - 1;
        state.Batch++;
        sessionImages += batch.Count;
        if (updated)
        {
            state.Step++;
            sessionSteps++;
        }
        TakeLosses(all: false);
        return updated;
    }

    /// <summary>Sets what the coming update depends on.</summary>
    void Prepare()
    {
        if (options.Sigma is { } sigma && (sigma.Smooth || state.Batch == 0))
            foreach (Dcls layer in scheduled) layer.SetSigma(sigma.At(state.Epoch + (double)state.Batch / loader.Batches));
        optimizer.Rate = schedule.Rate(state.Step);
        if (schedule.Momentum(state.Step) is { } momentum) optimizer.Momentum = momentum;
        if (mover is not null) mover.Rate = moverSchedule!.Rate(state.Step);
    }

    /// <summary>Takes in the losses that are there; all of them where the epoch's sums are wanted, which waits for the device.</summary>
    void TakeLosses(bool all)
    {
        while (learning.TryTake(all, out double value, out int count))
        {
            int step = Math.Max(1, state.Step - learning.Pending / options.Accumulate);
            if (!double.IsFinite(value))
                throw new DivergedException($"the loss is {value} at step {step} of {Steps} (learning rate {schedule.Rate(step - 1):g4}); "
                    + "start again with a lower learning rate or a limit on the gradients");
            state.LossSum += value * count;
            state.Seen += count;
        }
    }

    Tensor Repel()
    {
        Tensor close = Repulsion.Of(repelled);
        return options.Repulsion == RepulsionKind.Squared ? close * close : close;
    }

    /// <summary>Asks the device how many samples of the running epoch were classified right.</summary>
    void Count()
    {
        TakeLosses(all: true);
        state.Right = rightBefore + hits.Read().Sum(static c => c.Right);
        accuracy = (double)state.Right / state.Seen;
        sinceCount.Restart();
    }

    EpochMetrics EndEpoch()
    {
        Count();
        bool isLast = state.Epoch + 1 == options.Epochs;
        Evaluation? held = Evaluate(validation), final = isLast ? Evaluate(test) : null;
        EpochMetrics metrics = new(state.Epoch + 1, state.Step, state.LossSum / state.Seen, accuracy, held?.Loss, held?.Accuracy, final?.Loss,
            final?.Accuracy, schedule.Rate(state.Step - 1), Math.Round(Seconds, 3), Math.Round(Speed, 1),
            model is ISpiking { Delays: { Count: > 0 } delays } ? [.. delays.Select(static d => d.Histogram())] : null, state.Unreadable.Count > 0 ? state.Unreadable.Count : null);
        if (Folder is not null) state.MetricsLength = Folder.AppendMetrics(JsonSerializer.Serialize(metrics, RunJson.Line));
        if (events is not null) Tell(metrics);
        (state.Epoch, state.Batch, state.LossSum, state.Right, state.Seen, state.Last) = (state.Epoch + 1, 0, 0, 0, 0, metrics);
        rightBefore = 0;
        hits.Clear();
        sinceCount.Reset();
        double reached = held?.Accuracy ?? metrics.TrainAccuracy;
        if (reached > state.BestAccuracy)
        {
            (state.BestAccuracy, state.BestEpoch) = (reached, state.Epoch);
            Save(BestName);
        }
        Save(LastName);         // after best: killed between the two, the epoch is done again and chooses the same
        return metrics;
    }

    /// <summary>The metrics of an epoch and where taps are, for TensorBoard.</summary>
    void Tell(EpochMetrics m)
    {
        events!.Add(m.Step, ("loss/training", m.TrainLoss), ("loss/held back", m.ValidationLoss), ("loss/test", m.TestLoss), ("accuracy/training", m.TrainAccuracy),
            ("accuracy/held back", m.ValidationAccuracy), ("accuracy/test", m.TestAccuracy), ("learning rate", m.LearningRate), ("images per second", m.ImagesPerSecond));
        foreach ((string name, Tensor value) in store.Trainable)
            if (ParameterGroups.IsPosition(name)) events.AddHistogram(m.Step, name, value.ToDoubles());
    }

    Evaluation? Evaluate(IDataset? data)
    {
        if (data is null) return null;
        if (average is null) return Evaluation.Of(Network, store, data, options, ownLoss, Note);
        using ExponentialMovingAverage.Swap swap = average.Use();
        return Evaluation.Of(Network, store, data, options, ownLoss, Note);
    }

    void Save(string name)
    {
        TakeLosses(all: true);
        if (Folder is null) return;
        if (state.Seen > 0) Count();
        Safetensors file = new();
        store.Save(file, ModelPrefix);
        optimizer.Save(file);
        mover?.Save(file, MoverPrefix);
        average?.Save(file, AveragePrefix);
        foreach ((string parameter, StoredTensor values) in initial) file.Tensors[InitialPrefix + parameter] = values;
        state.RandomStep = store.Randomness.Step;
        state.Seconds = Seconds;
        file.Metadata[StateKey] = JsonSerializer.Serialize(state, RunJson.Line);
        file.Metadata[ConfigKey] = Folder.Config;
        Folder.Write(name, file);
        if (name == LastName) sinceSave.Restart();
    }

    static TrainingState ReadState(Safetensors file) => file.Metadata.TryGetValue(StateKey, out string? json)
        ? JsonSerializer.Deserialize<TrainingState>(json, RunJson.Line)! : throw new InvalidDataException("the checkpoint was not written by a training: it holds no state");

    double Seconds => secondsBefore + session.Elapsed.TotalSeconds;

    double Speed => sessionImages == 0 ? 0 : sessionImages / training.Elapsed.TotalSeconds;

    TrainingProgress Progress(EpochMetrics? finished)
    {
        double remaining = sessionSteps == 0 ? 0 : session.Elapsed.TotalSeconds / sessionSteps * (Steps - state.Step);
        return finished is null
            ? new(state.Epoch + 1, options.Epochs, state.Step, Steps, state.LossSum / state.Seen, accuracy, Speed, TimeSpan.FromSeconds(remaining), null)
            : new(state.Epoch, options.Epochs, state.Step, Steps, finished.TrainLoss, finished.TrainAccuracy, Speed, TimeSpan.FromSeconds(remaining), finished);
    }

    TrainingResult Result(bool interrupted) => new(interrupted, state.Last, state.BestEpoch, Seconds, Speed);
}
