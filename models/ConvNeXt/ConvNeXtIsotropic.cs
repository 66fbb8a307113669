using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>
/// The isotropic ConvNeXt (Liu et al., arXiv 2201.03545) on images [n, h, w, c]: a patchifying stem, blocks of one width without downsampling, mean over positions, norm, linear
/// head. Depths and dims of the options name one stage. Names and initial values are the official ones.
/// </summary>
public sealed class ConvNeXtIsotropic : ILayer, ILayered
{
    readonly DclsLayers dcls = new();
    readonly Sequential body;
    readonly LayerNorm norm;
    readonly Linear head;

    /// <summary>Declares the model's parameters at <paramref name="at"/>, its depthwise convolutions plain unless given.</summary>
    public ConvNeXtIsotropic(ParameterScope at, ConvNeXtOptions options, Depthwise? depthwise = null)
    {
        if (options.Depths is not [int depth] || options.Dims is not [int width])
            throw new TensorException($"ConvNeXtIsotropic: has one stage, got depths [{string.Join(", ", options.Depths)}] and dims [{string.Join(", ", options.Dims)}]");
        depthwise = dcls.Collect(depthwise ?? Conv2d.Depthwise);
        Init weight = Inits.TruncatedNormal(ConvNeXt.Deviation);
        PerAxis patch = PerAxis.Create(options.Stem);
        Conv2d stem = new(at["stem"], options.InputChannels, width, patch, stride: patch, weightInit: weight, biasInit: Inits.Zeros);
        body = new([stem, .. Enumerable.Range(0, depth).Select(b => new ConvNeXt.Block(at["blocks"][b], width, depth > 1 ? options.DropPath * b / (depth - 1) : 0, options, depthwise))]);
        Beginnings = [["stem"], .. Enumerable.Range(0, depth).Select(static b => new[] { $"blocks.{b}" })];
        norm = new(at["norm"], width);
        head = new(at["head"], width, options.Classes, weightInit: weight, biasInit: Inits.Zeros);
    }

    /// <summary>The stem, then each block.</summary>
    public IReadOnlyList<string[]> Beginnings { get; }

    /// <summary>Logits [n, classes] of images [n, h, w, c].</summary>
    public Tensor Forward(Tensor x)
    {
        using DclsLayers.Drawn drawn = dcls.Draw();
        return head.Forward(norm.Forward(body.Forward(x).Mean([1, 2])));
    }
}

/// <summary>A <see cref="ConvNeXtIsotropic"/>.</summary>
/// <param name="Sizes">Its sizes; input channels and classes are taken from the data.</param>
/// <param name="Dcls">Its depthwise kernels, or null for plain ones.</param>
public sealed record ConvNeXtIsotropicNetwork(ConvNeXtOptions Sizes, DclsKernels? Dcls = null) : Network
{
    static readonly ConvNeXtOptions small = new() { Depths = [18], Dims = [384], Stem = [16, 16], LayerScale = 0, DropPath = 0.1 };

    /// <summary>The published sizes.</summary>
    internal static IEnumerable<NamedModel> Named =>
    [
        Image("convnext_isotropic_small", small),
        Image("convnext_isotropic_base", small with { Dims = [768], DropPath = 0.2 }),
        Image("convnext_isotropic_large", small with { Depths = [36], Dims = [1024], LayerScale = 1e-6, DropPath = 0.5 }),
    ];

    static NamedModel Image(string name, ConvNeXtOptions sizes) => new(name, NamedModel.ImageNet, new ConvNeXtIsotropicNetwork(sizes));

    /// <inheritdoc/>
    public override ILayer Build(ParameterScope at, Shape sample, int classes)
    {
        Expect(sample);
        if (sample[0] < Sizes.Stem[0] || sample[1] < Sizes.Stem[1]) throw new ArgumentException($"the network needs images of at least {Sizes.Stem[0]}x{Sizes.Stem[1]}, got {sample}; choose another --model");
        return new ConvNeXtIsotropic(at, Sizes with { InputChannels = sample[2], Classes = classes }, Dcls?.Factory());
    }
}
