using System.Text.Json.Serialization;

namespace MiniTorch.Models;

/// <summary>Update rules that a training can be asked for by name.</summary>
public enum OptimizerKind
{
    /// <summary><see cref="Models.AdamW"/>.</summary>
    AdamW,

    /// <summary><see cref="Models.Adam"/>.</summary>
    Adam,

    /// <summary><see cref="Models.Sgd"/> with Nesterov's momentum 0.9.</summary>
    Sgd,

    /// <summary><see cref="Models.Lamb"/>.</summary>
    Lamb,
}

/// <summary>Courses of the learning rate that a training can be asked for by name.</summary>
public enum ScheduleKind
{
    /// <summary><see cref="CosineSchedule"/>: linear warm-up, then half a cosine.</summary>
    Cosine,

    /// <summary><see cref="Models.OneCycle"/>.</summary>
    OneCycle,

    /// <summary><see cref="ConstantSchedule"/>.</summary>
    Constant,
}

/// <summary>What a training computes in.</summary>
public enum Precision
{
    /// <summary>Products and sums of float32.</summary>
    Float32,

    /// <summary>On a CUDA device, float32 whose products libraries may take in TF32: <see cref="CudaDevice.AllowTf32"/>.</summary>
    Tf32,

    /// <summary>On a CUDA device, <see cref="MixedPrecision"/>: activations and factors in bf16; parameters, sums, loss and optimizer in float32.</summary>
    [JsonStringEnumMemberName("bf16")]
    BFloat16,
}

/// <summary>Terms that keep the taps of a kernel apart (<see cref="Ops.Repulsion"/>).</summary>
public enum RepulsionKind
{
    /// <summary>None.</summary>
    None,

    /// <summary>The repulsive loss itself.</summary>
    Exact,

    /// <summary>Its square, as in the official ConvNeXt-dcls training.</summary>
    Squared,
}

/// <summary>How a network is trained. The values given here are for small data in plain arrays; recipes set their own.</summary>
public sealed record TrainingOptions
{
    /// <summary>Passes over the training part.</summary>
    public int Epochs { get; init; } = 10;

    /// <summary>Samples of a batch, which pass the network together.</summary>
    public int Batch { get; init; } = 32;

    /// <summary>Batches of an update, whose gradients are averaged: an update sees Batch · Accumulate samples. Everything that is counted in steps counts updates.</summary>
    public int Accumulate { get; init; } = 1;

    /// <summary>Highest learning rate.</summary>
    public double Rate { get; init; } = 1e-3;

    /// <summary>Learning rate that the cosine ends at.</summary>
    public double FinalRate { get; init; } = 1e-6;

    /// <summary>Epochs of linear warm-up, possibly a fraction of one.</summary>
    public double WarmUpEpochs { get; init; }

    /// <summary>Learning rate that the warm-up starts from.</summary>
    public double WarmUpRate { get; init; }

    /// <summary>Last epochs, of all, that keep the final learning rate.</summary>
    public double CoolDownEpochs { get; init; }

    /// <summary>Course of the learning rate.</summary>
    public ScheduleKind Schedule { get; init; } = ScheduleKind.Cosine;

    /// <summary>Update rule.</summary>
    public OptimizerKind Optimizer { get; init; } = OptimizerKind.AdamW;

    /// <summary>Decay of the second moment of Adam, AdamW and LAMB.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Weight decay of all but positions, sigmas, biases and vectors.</summary>
    public double WeightDecay { get; init; } = 0.05;

    /// <summary>
    /// Factor on the learning rate from one layer to the one before it (<see cref="ILayered"/>): a parameter of layer l of 0 … L learns at LayerDecay^(L − l) of the rate. 1 treats all alike.
    /// </summary>
    public double LayerDecay { get; init; } = 1;

    /// <summary>Factor on the learning rate of DCLS positions.</summary>
    public double PositionRateScale { get; init; } = 5;

    /// <summary>A course of their own for the rate of DCLS positions, down to 0, with an optimizer of their own; null: that of all parameters.</summary>
    public ScheduleKind? PositionSchedule { get; init; }

    /// <summary>Factor on the learning rate of DCLS sigmas; null: that of the positions.</summary>
    public double? SigmaRateScale { get; init; }

    /// <summary>Course of the SIG of DCLS layers that do not learn theirs, null leaves it as it is.</summary>
    public SigmaSchedule? Sigma { get; init; }

    /// <summary>What is added to the loss for DCLS taps closer than a pixel, each shared set of positions once.</summary>
    public RepulsionKind Repulsion { get; init; }

    /// <summary>The epoch, counted from 0, from which it is added; the official training starts at 21.</summary>
    public int RepulsionFromEpoch { get; init; }

    /// <summary>Limit on the 2-norm of all gradients; null for none.</summary>
    public double? ClipNorm { get; init; }

    /// <summary>Share of the target that is spread over all classes.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>Decay of the averaged weights, which are then the ones evaluated; 0 for none.</summary>
    public double EmaDecay { get; init; }

    /// <summary>Key of initial weights, shuffling, augmentation, dropout and drop path.</summary>
    public ulong Seed { get; init; }

    /// <summary>How stored pictures of any size become samples where nothing is left to chance: for evaluation, and for training without a random crop.</summary>
    public PictureFit Fit { get; init; } = new();

    /// <summary>Random changes to training samples.</summary>
    public Augmentation Augment { get; init; } = new();

    /// <summary>Subtracted from every value: one number, or one for each channel.</summary>
    public double[] Mean { get; init; } = [0];

    /// <summary>What the difference is divided by, likewise.</summary>
    public double[] Deviation { get; init; } = [1];

    /// <summary>Share of the pictures that may be unreadable before the run is stopped; ten always may.</summary>
    public double UnreadableShare { get; init; } = 0.01;

    /// <summary>Every n-th sample of each class is held back from training and chooses the best epoch; 0 holds none back.</summary>
    public int HoldBackEvery { get; init; } = 10;

    /// <summary>What the network computes in.</summary>
    public Precision Precision { get; init; }

    /// <summary>On a CUDA device, forms of kernels follow from shapes alone and not from what was measured: <see cref="CudaDevice.Deterministic"/>.</summary>
    public bool Deterministic { get; init; }

    /// <summary>Longest time between two checkpoints, in seconds.</summary>
    public double SaveSeconds { get; init; } = 20;

    /// <summary>
    /// Whether steps are captured as a CUDA graph and repeated as one launch; null: on every CUDA device. Results are the same to the last bit, so a run does not remember it. A model or loss that
    /// reads values back to the host, or whose launches change with a number of the host, must run without.
    /// </summary>
    [JsonIgnore]
    public bool? Graph { get; init; }

    /// <summary>Threads that decode and augment samples; null: half of the cores where samples are colour pictures or augmented as such, else one. Results do not depend on it.</summary>
    [JsonIgnore]
    public int? Workers { get; init; }

    /// <summary>Throws an <see cref="ArgumentException"/> that names the first value that makes no sense.</summary>
    public void Validate()
    {
        Check(Epochs >= 1, $"epochs must be at least 1, got {Epochs}");
        Check(Batch >= 1, $"the batch must be at least 1, got {Batch}");
        Check(Accumulate >= 1, $"an update takes at least 1 batch, got {Accumulate}");
        Check(Rate > 0 && double.IsFinite(Rate), $"the learning rate must be above 0, got {Rate}; try 0.001");
        Check(FinalRate >= 0 && FinalRate <= Rate, $"the final learning rate must lie between 0 and the learning rate {Rate}, got {FinalRate}");
        Check(WarmUpEpochs >= 0 && WarmUpEpochs <= Epochs, $"the warm-up must lie within the {Epochs} epochs, got {WarmUpEpochs}");
        Check(WarmUpRate >= 0 && WarmUpRate <= Rate, $"the warm-up must start between 0 and the learning rate {Rate}, got {WarmUpRate}");
        Check(CoolDownEpochs >= 0 && CoolDownEpochs + WarmUpEpochs <= Epochs, $"warm-up and cool-down must lie within the {Epochs} epochs, got {WarmUpEpochs} and {CoolDownEpochs}");
        Check(CoolDownEpochs == 0 || Schedule == ScheduleKind.Cosine, $"a cool-down follows a cosine, the schedule is {Schedule}; leave it out");
        Check(LayerDecay is > 0 and <= 1, $"the decay from layer to layer must lie in (0, 1], got {LayerDecay}");
        Check(WeightDecay >= 0, $"weight decay must not be negative, got {WeightDecay}");
        Check(Beta2 is > 0 and < 1, $"the decay of the second moment must lie between 0 and 1, got {Beta2}");
        Check(PositionRateScale >= 0, $"the position rate scale must not be negative, got {PositionRateScale}");
        Check(SigmaRateScale is null or >= 0, $"the sigma rate scale must not be negative, got {SigmaRateScale}");
        Check(Sigma is null or { Initial: > 0, Epochs: > 0, Floor: > 0 }, $"a sigma schedule needs an initial value, epochs and a floor above 0, got {Sigma}");
        Check(RepulsionFromEpoch >= 0, $"the repulsion's first epoch must not be negative, got {RepulsionFromEpoch}");
        Check(ClipNorm is null or > 0, $"the gradient limit must be above 0, got {ClipNorm}");
        Check(LabelSmoothing is >= 0 and < 1, $"label smoothing must lie in [0, 1), got {LabelSmoothing}");
        Check(EmaDecay is >= 0 and < 1, $"the decay of averaged weights must lie in [0, 1), got {EmaDecay}");
        Check(Deviation.All(static d => d > 0), $"the deviation must be above 0, got {string.Join(", ", Deviation)}");
        Check(UnreadableShare is >= 0 and <= 1, $"the share of pictures that may be unreadable must lie in [0, 1], got {UnreadableShare}");
        Check(Workers is null or >= 1, $"at least one thread makes samples, got {Workers}");
        Augment.Validate();
        Check(HoldBackEvery is 0 or >= 2, $"every n-th sample is held back with n at least 2, or 0 for none; got {HoldBackEvery}");

        static void Check(bool holds, string message)
        {
            if (!holds) throw new ArgumentException(message);
        }
    }

    /// <summary>The same for so many samples that are to be learned by heart: none held back, nothing at random in them, targets as they are, no more in an update than there are.</summary>
    public TrainingOptions ByHeart(int samples)
        => this with { HoldBackEvery = 0, Augment = new(), LabelSmoothing = 0, EmaDecay = 0, WeightDecay = 0, Batch = Math.Min(Batch, samples), Accumulate = Math.Max(1, Math.Min(Accumulate, samples / Math.Min(Batch, samples))) };

    /// <summary>How batches are made: shuffled and augmented to train with, or as they are.</summary>
    internal LoaderOptions Loading(IDataset data, bool augmented, int size) => new(size, Seed, Shuffle: augmented, DropLast: augmented, augmented ? Augment : null)
    {
        Fit = Fit,
        Mean = Mean,
        Deviation = Deviation,
        UnreadableShare = UnreadableShare,
        Workers = Workers ?? (Augment.OfPictures || data.Sample.Rank == 3 && data.Sample[2] == 3 ? Math.Max(1, Environment.ProcessorCount / 2) : 1),
    };

    internal Optimizer MakeOptimizer(IEnumerable<(string Name, Tensor Value)> parameters, ILayer model)
    {
        IReadOnlyList<ParameterGroup> groups = ParameterGroups.Dcls(PositionRateScale, SigmaRateScale);
        if (LayerDecay < 1) groups = ParameterGroups.ByLayer(groups, model as ILayered
            ?? throw new ArgumentException("the network names no layers for a decay from layer to layer; leave it out or choose a model that does, such as a ConvNeXt"), LayerDecay);
        Optimizer made = Optimizer switch
        {
            OptimizerKind.Adam => new Adam(parameters, Rate, beta2: Beta2, weightDecay: WeightDecay, groups: groups),
            OptimizerKind.Sgd => new Sgd(parameters, Rate, momentum: 0.9, weightDecay: WeightDecay, nesterov: true, groups: groups),
            OptimizerKind.Lamb => new Lamb(parameters, Rate, beta2: Beta2, weightDecay: WeightDecay, groups: groups),
            _ => new AdamW(parameters, Rate, beta2: Beta2, weightDecay: WeightDecay, groups: groups),
        };
        made.ClipNorm = ClipNorm;
        return made;
    }

    internal ISchedule MakeSchedule(int stepsPerEpoch)
        => Make(Schedule, FinalRate, (int)Math.Round((Epochs - CoolDownEpochs) * stepsPerEpoch), (int)Math.Round(WarmUpEpochs * stepsPerEpoch));

    /// <summary>Of positions with a course of their own: the rate before their scale.</summary>
    internal ISchedule MakePositionSchedule(int stepsPerEpoch) => Make(PositionSchedule!.Value, 0, Epochs * stepsPerEpoch, 0);

    ISchedule Make(ScheduleKind kind, double final, int steps, int warmUp) => kind switch
    {
        ScheduleKind.OneCycle => new OneCycle(Rate, steps),
        ScheduleKind.Constant => new ConstantSchedule(Rate),
        _ => new CosineSchedule(Rate, final, steps, warmUp, WarmUpRate),
    };
}
