namespace MiniTorch.Models;

/// <summary>A model that can be asked for by name.</summary>
/// <param name="Name">The name.</param>
/// <param name="Sample">Shape of the samples it is usually given: images [h, w, c], spikes [time, channels].</param>
/// <param name="Network">What it is made of.</param>
public sealed record NamedModel(string Name, int[] Sample, Network Network)
{
    internal static readonly int[] ImageNet = [224, 224, 3];

    /// <summary>The name that the work of `dcls bench` begins with, if it is timed there.</summary>
    public string? BenchName { get; init; }

    /// <summary>Number of classes it usually tells apart: 1000, 10 of small grey images, or 20 of sequences, unless it says otherwise.</summary>
    public int Classes { get; init; } = Sample.Length == 2 ? 20 : Sample[2] == 1 ? 10 : 1000;

    /// <summary>A model of AudioSet's 527 sounds: 128 mel bands of 1001 frames, 10 s.</summary>
    internal static NamedModel OfAudioSet(string name, Network network) => new(name, [128, 1001, 1], network) { Classes = 527 };

    /// <summary>Its size as it is usually used, found by building it and sending one sample through it on a <see cref="ShapeDevice"/>: nothing is computed.</summary>
    public ModelSize Size()
    {
        using ShapeDevice device = new();
        (ILayer model, ParameterStore store) = ParameterStore.Build(at => Network.Build(at, Shape.Create(Sample), Classes), device);
        using ParameterStore owner = store;
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        return new(store.ParameterCount, Trace.Of(() => model.Forward(Tensor.Zeros(Shape.Create([1, .. Sample]), device: device))));
    }
}

/// <summary>How large a model is.</summary>
/// <param name="Parameters">Trained values, shared ones once.</param>
/// <param name="Layers">What its layers do with one sample.</param>
public sealed record ModelSize(long Parameters, IReadOnlyList<LayerTrace> Layers)
{
    /// <summary>Multiply-accumulates of convolutions, products and attention for one sample, places in padding included.</summary>
    public long Macs => Layers.Sum(static l => l.Macs);

    /// <summary>Those of them that touch data: places in padding left out.</summary>
    public long Touching => Layers.Sum(static l => l.Touching);
}

/// <summary>The models that can be asked for by name: small ones for 28×28 images, and the published sizes of each family.</summary>
public static class NamedModels
{
    static readonly int[] fashion = [28, 28, 1], dots = [64, 64, 1];
    static readonly ConvNeXtOptions fashionSizes = new() { Depths = [2, 2], Dims = [64, 128], LayerScale = 0 };
    static readonly int[] picture = [64, 64, 3];
    static readonly ConvNeXtOptions micro = new() { Depths = [2, 2, 2], Dims = [48, 96, 192], LayerScale = 0 };
    static readonly ConvNeXtOptions speck = new() { Depths = [1, 1], Dims = [8, 16] };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<NamedModel> All { get; } =
    [
        new("convnext_dcls_fashion", fashion, new ConvNeXtNetwork(fashionSizes, new("gauss", 9, 16))),
        new("convnext_fashion", fashion, new ConvNeXtNetwork(fashionSizes)),
        new("convnext_dcls_speck", fashion, new ConvNeXtNetwork(speck, new("v1", 7, 5))),
        new("convnext_speck", fashion, new ConvNeXtNetwork(speck)),
        new("convnext_dcls_micro", picture, new ConvNeXtNetwork(micro, new("gauss", 9, 16))) { Classes = 10 },
        new("convnext_micro", picture, new ConvNeXtNetwork(micro)) { Classes = 10 },
        new("two_dots", dots, new TwoDotsNetwork(31, Dcls: true)),
        new("two_dots_3x3", dots, new TwoDotsNetwork(3, Dcls: false)),
        .. ConvNeXtNetwork.Named,
        .. ConvNeXtIsotropicNetwork.Named,
        .. MetaFormerNetwork.Named,
        .. FastVitNetwork.Named,
        .. ResNetNetwork.Named,
        .. SnnNetwork.Named,
        .. TwoSpikesNetwork.Named,
    ];

    /// <summary>Their names, for messages.</summary>
    public static string Names { get; } = string.Join(", ", All.Select(static m => m.Name));

    /// <summary>The model of a name, or of the name it has in `dcls bench`; dashes count as underscores. Null if there is none.</summary>
    public static NamedModel? Find(string name) => All.FirstOrDefault(m => m.Name == name.Replace('-', '_') || m.BenchName == name);

    /// <summary>The model of a name as <see cref="Find"/> has it; an <see cref="ArgumentException"/> lists the names there are.</summary>
    public static NamedModel Of(string name) => Find(name) ?? throw new ArgumentException($"unknown model '{name}'; there is {Names}");
}
