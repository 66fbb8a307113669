namespace MiniTorch.Models;

/// <summary>A training that can be asked for by name: which model on which data, and how.</summary>
/// <param name="Name">The name; runs are called after it.</param>
/// <param name="Description">One line for people.</param>
/// <param name="Model">A name of <see cref="NamedModels"/>.</param>
/// <param name="Training">How it is trained.</param>
/// <param name="Data">Its data, training and test part, from the folder that was given, or its own.</param>
/// <param name="Findings">What a trained network has learned that has a meaning of its own, for people to read; of the recipe's own model.</param>
public sealed record Recipe(string Name, string Description, string Model, TrainingOptions Training, Func<string?, (IDataset Train, IDataset Test)> Data,
    Func<ParameterStore, IReadOnlyList<(string What, double Value)>>? Findings = null)
{
    /// <summary>Of the toys.</summary>
    static readonly TrainingOptions dots = new()
    {
        Epochs = 6,
        Batch = 32,
        Rate = 3e-3,
        FinalRate = 0,
        Optimizer = OptimizerKind.Adam,
        Beta2 = 0.9,
        WeightDecay = 0,
        HoldBackEvery = 0,
    };

    static readonly TrainingOptions speech = new()
    {
        Epochs = 30,
        Batch = 64,
        Rate = 5e-3,
        Schedule = ScheduleKind.OneCycle,
        Optimizer = OptimizerKind.Adam,
        WeightDecay = 1e-5,
        PositionRateScale = 20,
        PositionSchedule = ScheduleKind.Cosine,
        Sigma = new(Initial: 12, Epochs: 10),
        HoldBackEvery = 0,
    };

    /// <summary>All recipes; the first is the default.</summary>
    public static IReadOnlyList<Recipe> All { get; } =
    [
        new("fashion", "a small ConvNeXt-dcls on Fashion-MNIST", "convnext_dcls_fashion", new()
        {
            Epochs = 20,
            Batch = 32,
            Rate = 4e-3,
            WarmUpEpochs = 1,
            LabelSmoothing = 0.1,
            EmaDecay = 0.99,
            Augment = new(Shift: 1),
            Mean = [0.2860],
            Deviation = [0.3530],
        }, static folder => folder is null ? FashionMnist.Embedded() : FashionMnist.From(folder)),
        new("two-dots", "how far two dots are apart, by one DCLS layer whose taps move there", "two_dots",
            dots with { PositionRateScale = 1000, Sigma = new(Initial: 15, Epochs: 5.4, Smooth: true) }, TwoDots, Distances),
        new("spoken-digits", "a spiking network with learned delays on spoken digits", "snn_delays_small", speech, SpokenDigitsData),
        new("spoken-digits-fixed", "the same with delays that stay as they are drawn", "snn_fixed_delays_small", speech with { Sigma = null }, SpokenDigitsData),
        new("spoken-digits-none", "the same without delays", "snn_no_delays_small", speech with { Sigma = null }, SpokenDigitsData),
        new("spoken-digits-recurrent", "the same without delays, with recurrent layers", "snn_recurrent_small", speech with { Sigma = null }, SpokenDigitsData),
        new("shd", "the official recipe for the Heidelberg spoken digits", "snn_delays", speech with { Epochs = 150, Batch = 256, Sigma = new(Initial: 12, Epochs: 37) }, static folder => SpikeFolder("shd", folder)),
        new("ssc", "the official recipe for the spiking Speech Commands", "snn_delays_ssc", speech with { Epochs = 60, Batch = 128, Sigma = new(Initial: 15, Epochs: 15) }, static folder => SpikeFolder("ssc", folder)),
        new("gsc", "the official recipe for Google's Speech Commands", "snn_delays_ssc", speech with { Epochs = 100, Batch = 128, Sigma = new(Initial: 15, Epochs: 25) }, Words),
        new("two-spikes", "how many steps two spikes are apart, by learned delays alone", "two_spikes",
            dots with { Epochs = 20, Rate = 1e-3, PositionRateScale = 200, Sigma = new(Initial: 12, Epochs: 18, Smooth: true) }, TwoSpikesData, Differences),
        new("two-dots-3x3", "the same with one plain 3x3 convolution, which never sees both", "two_dots_3x3", dots with { Beta2 = 0.99 }, TwoDots),
    ];

    static IReadOnlyList<(string, double)> Distances(ParameterStore store) =>
    [
        .. Models.TwoDots.Distances.Zip(TwoDotsNetwork.Distances(store.Constrained.OfType<Dcls>().Single())).SelectMany<(int Of, (double Right, double Down) Is), (string, double)>(
            static d => [($"taps of {d.Of} px, apart", d.Is.Right), ($"taps of {d.Of} px, rows apart", d.Is.Down)]),
    ];

    static (IDataset, IDataset) SpokenDigitsData(string? folder) => folder is null ? SpokenDigits.Embedded() : SpikeFolder("spoken-digits", folder);

    static (IDataset, IDataset) Words(string? folder)
    {
        (SpeechCommands train, _, SpeechCommands test) = SpeechCommands.From(folder ?? throw new ArgumentException("gsc needs the folder of the Speech Commands dataset; give it with --data"));
        return (train, test);
    }

    /// <summary>The training and test part of a folder in the layout of SHD: NAME_train.h5 and NAME_test.h5, whatever the name.</summary>
    static (IDataset, IDataset) SpikeFolder(string recipe, string? folder)
    {
        if (folder is null) throw new ArgumentException($"{recipe} needs a folder with shd_train.h5 and shd_test.h5; give it with --data");
        SpikeFile train = new(Part("train")), test = new(Part("test"), train.Sample[0]);
        return (train, test);

        string Part(string part) => Directory.EnumerateFiles(folder, "*.h5").Order(StringComparer.Ordinal).FirstOrDefault(f => Path.GetFileNameWithoutExtension(f).EndsWith(part, StringComparison.Ordinal))
            ?? throw new FileNotFoundException($"{folder} has no file whose name ends with {part}.h5");
    }

    static IReadOnlyList<(string, double)> Differences(ParameterStore store) =>
    [
        .. Models.TwoSpikes.Differences.Zip(TwoSpikesNetwork.Differences(store.Constrained.OfType<Dcls>().Single())).Select(static d => ($"delays of {d.First} steps", d.Second)),
    ];

    static (IDataset, IDataset) TwoSpikesData(string? folder) => folder is null ? (new TwoSpikes(1600, seed: 1), new TwoSpikes(800, seed: 2))
        : throw new ArgumentException("two-spikes makes its own sequences; leave --data out");

    static (IDataset, IDataset) TwoDots(string? folder) => folder is null ? (new TwoDots(3200, seed: 1), new TwoDots(2000, seed: 2))
        : throw new ArgumentException("two-dots makes its own pictures; leave --data out");

    /// <summary>The recipe of a name; an <see cref="ArgumentException"/> lists the names there are.</summary>
    public static Recipe Of(string name)
        => All.FirstOrDefault(r => r.Name == name) ?? throw new ArgumentException($"unknown recipe '{name}'; there is {string.Join(", ", All.Select(static r => r.Name))}");
}

/// <summary>Everything a run was asked for, resolved; the contents of its config.json.</summary>
public sealed record RunConfig
{
    /// <summary>Name of the recipe.</summary>
    public required string Recipe { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Model { get; init; }

    /// <summary>What it is made of, as it was when the run was started.</summary>
    public required Network Network { get; init; }

    /// <summary>Shape of a sample: [h, w, c] of an image, [time, channels] of spikes.</summary>
    public required int[] Sample { get; init; }

    /// <summary>Names of the classes.</summary>
    public required string[] Classes { get; init; }

    /// <summary>Folder of the data; null for the recipe's own.</summary>
    public string? Data { get; init; }

    /// <summary>How it is trained.</summary>
    public required TrainingOptions Training { get; init; }
}
