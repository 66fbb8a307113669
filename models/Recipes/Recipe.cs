namespace MiniTorch.Models;

/// <summary>A training that can be asked for by name: which model on which data, and how.</summary>
/// <param name="Name">The name; runs are called after it.</param>
/// <param name="Description">One line for people.</param>
/// <param name="Model">A name of <see cref="NamedModels"/>.</param>
/// <param name="Training">How it is trained.</param>
/// <param name="Data">Its data, training and test part, from the folder that was given, or its own.</param>
public sealed record Recipe(string Name, string Description, string Model, TrainingOptions Training, Func<string?, (IDataset Train, IDataset Test)> Data)
{
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
            Shift = 1,
            Mean = 0.2860,
            Deviation = 0.3530,
        }, static folder => folder is null ? FashionMnist.Embedded() : FashionMnist.From(folder)),
    ];

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

    /// <summary>Shape of a sample, [h, w, c].</summary>
    public required int[] Sample { get; init; }

    /// <summary>Names of the classes.</summary>
    public required string[] Classes { get; init; }

    /// <summary>Folder of the data; null for the recipe's own.</summary>
    public string? Data { get; init; }

    /// <summary>How it is trained.</summary>
    public required TrainingOptions Training { get; init; }
}
