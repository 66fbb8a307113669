using System.Text.Json.Serialization;
using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>What a network is made of, as it stands in a run's config.json; its kind tells which.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(ConvNeXtNetwork), "convnext")]
[JsonDerivedType(typeof(ConvNeXtIsotropicNetwork), "convnext_isotropic")]
[JsonDerivedType(typeof(MetaFormerNetwork), "metaformer")]
[JsonDerivedType(typeof(FastVitNetwork), "fastvit")]
[JsonDerivedType(typeof(ResNetNetwork), "resnet")]
[JsonDerivedType(typeof(TwoDotsNetwork), "two_dots")]
[JsonDerivedType(typeof(SnnNetwork), "snn")]
[JsonDerivedType(typeof(TwoSpikesNetwork), "two_spikes")]
public abstract record Network
{
    /// <summary>Declares the network for samples of this shape and so many classes; an <see cref="ArgumentException"/> says why it cannot take them.</summary>
    public abstract ILayer Build(ParameterScope at, Shape sample, int classes);

    /// <summary>How other programs name the tensors in their files, beside <see cref="Naming.Official"/>.</summary>
    internal virtual IReadOnlyList<Naming> Namings => [];

    /// <summary>The form of the network that a file with these names, ours, is of.</summary>
    internal virtual Network As(IReadOnlyCollection<string> names) => this;

    /// <summary>Stops samples that are no images.</summary>
    private protected static void Expect(Shape sample)
    {
        if (sample.Rank != 3) throw new ArgumentException($"the network takes images [h, w, c], got samples of {sample}");
    }
}

/// <summary>DCLS in the place of a network's depthwise convolutions, or of all spatial ones.</summary>
/// <param name="Version">Interpolation: v0, v1, max, gauss, or our names.</param>
/// <param name="Size">Window, both axes.</param>
/// <param name="Count">Taps a kernel.</param>
/// <param name="Shared">One set of positions for the layers of a width, or one for each layer.</param>
/// <param name="Convention">Where positions are counted from.</param>
public sealed record DclsKernels(string Version, int Size, int Count, bool Shared = true, Convention Convention = Convention.Centered)
{
    /// <summary>What makes the layers.</summary>
    public Depthwise Factory() => Dcls.Official(Version, Size, Count, Shared, convention: Convention);

    /// <summary>What makes the layers of a network whose spatial convolutions connect every output with every input.</summary>
    public SpatialConv DenseFactory() => Dcls.OfficialDense(Version, Size, Count, Shared, Convention);
}
