namespace MiniTorch.Models;

/// <summary>A model that can be asked for by name.</summary>
/// <param name="Name">The name.</param>
/// <param name="Sample">Shape of the images it is usually given, [h, w, c].</param>
/// <param name="Options">Its sizes; input channels and classes are taken from the data.</param>
public sealed record NamedModel(string Name, int[] Sample, ConvNeXtOptions Options)
{
    /// <summary>Declares the model for samples of this shape and so many classes.</summary>
    public ILayer Build(ParameterScope at, Shape sample, int classes)
    {
        if (sample.Rank != 3) throw new ArgumentException($"{Name} takes images [h, w, c], got samples of {sample}");
        int shrink = 1 << Options.Depths.Length - 1;
        if (sample[0] < Options.Stem[0] * shrink || sample[1] < Options.Stem[1] * shrink)
            throw new ArgumentException($"{Name} needs images of at least {Options.Stem[0] * shrink}x{Options.Stem[1] * shrink}, got {sample}; choose another --model");
        return new ConvNeXt(at, Options with { InputChannels = sample[2], Classes = classes });
    }
}

/// <summary>The models that can be asked for by name: small ones for 28×28 images, and the official sizes.</summary>
public static class NamedModels
{
    static readonly ConvNeXtOptions small = new() { Depths = [2, 2], Dims = [64, 128], Stem = [4, 4], KernelSize = 7, LayerScale = 0 };
    static readonly ConvNeXtOptions nano = new() { Depths = [1, 1], Dims = [8, 16], Stem = [4, 4], KernelSize = 7 };
    static readonly int[] imageNet = [224, 224, 3], fashion = [28, 28, 1];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<NamedModel> All { get; } =
    [
        new("convnext_dcls_fashion", fashion, small with { Version = "gauss", KernelSize = 9, KernelCount = 16 }),
        new("convnext_fashion", fashion, small),
        new("convnext_dcls_nano", fashion, nano with { Version = "v1", KernelCount = 5 }),
        new("convnext_nano", fashion, nano),
        new("convnext_dcls_tiny", imageNet, Dcls([3, 3, 9, 3], [96, 192, 384, 768], 34, 0.1)),
        new("convnext_dcls_small", imageNet, Dcls([3, 3, 27, 3], [96, 192, 384, 768], 40, 0.4)),
        new("convnext_dcls_base", imageNet, Dcls([3, 3, 27, 3], [128, 256, 512, 1024], 40, 0.5)),
        new("convnext_tiny", imageNet, new() { Depths = [3, 3, 9, 3], Dims = [96, 192, 384, 768], DropPath = 0.1 }),
        new("convnext_small", imageNet, new() { Depths = [3, 3, 27, 3], Dims = [96, 192, 384, 768], DropPath = 0.4 }),
        new("convnext_base", imageNet, new() { Depths = [3, 3, 27, 3], Dims = [128, 256, 512, 1024], DropPath = 0.5 }),
        new("convnext_large", imageNet, new() { Depths = [3, 3, 27, 3], Dims = [192, 384, 768, 1536], DropPath = 0.5 }),
    ];

    /// <summary>Their names, for messages.</summary>
    public static string Names { get; } = string.Join(", ", All.Select(static m => m.Name));

    /// <summary>The model of a name; an <see cref="ArgumentException"/> lists the names there are.</summary>
    public static NamedModel Of(string name) => All.FirstOrDefault(m => m.Name == name) ?? throw new ArgumentException($"unknown model '{name}'; there is {Names}");

    static ConvNeXtOptions Dcls(int[] depths, int[] dims, int count, double dropPath)
        => new() { Depths = depths, Dims = dims, KernelSize = 17, KernelCount = count, Version = "v0", DropPath = dropPath };
}
