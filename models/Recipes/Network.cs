using System.Text.Json.Serialization;
using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>What a network is made of, as it stands in a run's config.json; its kind tells which.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(ConvNeXtNetwork), "convnext")]
[JsonDerivedType(typeof(TwoDotsNetwork), "two_dots")]
[JsonDerivedType(typeof(SnnNetwork), "snn")]
[JsonDerivedType(typeof(TwoSpikesNetwork), "two_spikes")]
public abstract record Network
{
    /// <summary>Declares the network for samples of this shape and so many classes; an <see cref="ArgumentException"/> says why it cannot take them.</summary>
    public abstract ILayer Build(ParameterScope at, Shape sample, int classes);
}

/// <summary>DCLS in the place of a network's depthwise convolutions.</summary>
/// <param name="Version">Interpolation: v0, v1, max, gauss, or our names.</param>
/// <param name="Size">Window, both axes.</param>
/// <param name="Count">Taps a kernel.</param>
/// <param name="Shared">One set of positions for the layers of a width, or one for each layer.</param>
/// <param name="Convention">Where positions are counted from.</param>
public sealed record DclsKernels(string Version, int Size, int Count, bool Shared = true, Convention Convention = Convention.Centered)
{
    /// <summary>What makes the layers.</summary>
    public Depthwise Factory() => Dcls.Official(Version, Size, Count, Shared, convention: Convention);
}

/// <summary>A <see cref="ConvNeXt"/>.</summary>
/// <param name="Sizes">Its sizes; input channels and classes are taken from the data.</param>
/// <param name="Dcls">Its depthwise kernels, or null for plain ones.</param>
public sealed record ConvNeXtNetwork(ConvNeXtOptions Sizes, DclsKernels? Dcls = null) : Network
{
    /// <inheritdoc/>
    public override ILayer Build(ParameterScope at, Shape sample, int classes)
    {
        if (sample.Rank != 3) throw new ArgumentException($"ConvNeXt takes images [h, w, c], got samples of {sample}");
        int shrink = 1 << Sizes.Depths.Length - 1;
        if (sample[0] < Sizes.Stem[0] * shrink || sample[1] < Sizes.Stem[1] * shrink)
            throw new ArgumentException($"the network needs images of at least {Sizes.Stem[0] * shrink}x{Sizes.Stem[1] * shrink}, got {sample}; choose another --model");
        return new ConvNeXt(at, Sizes with { InputChannels = sample[2], Classes = classes }, Dcls?.Factory());
    }
}

/// <summary>A <see cref="SnnDelays"/>.</summary>
/// <param name="Sizes">Its sizes; input channels and classes are taken from the data.</param>
public sealed record SnnNetwork(SnnOptions Sizes) : Network
{
    /// <inheritdoc/>
    public override ILayer Build(ParameterScope at, Shape sample, int classes)
        => sample.Rank == 2 ? new SnnDelays(at, Sizes with { Inputs = sample[1], Classes = classes }) : throw new ArgumentException($"a spiking network takes sequences [time, channels], got samples of {sample}");
}
