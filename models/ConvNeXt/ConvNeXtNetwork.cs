namespace MiniTorch.Models;

/// <summary>A <see cref="ConvNeXt"/>.</summary>
/// <param name="Sizes">Its sizes; input channels and classes are taken from the data.</param>
/// <param name="Dcls">Its depthwise kernels, or null for plain ones.</param>
public sealed record ConvNeXtNetwork(ConvNeXtOptions Sizes, DclsKernels? Dcls = null) : Network
{
    static readonly int[] two = [2, 2, 6, 2], deep = [3, 3, 27, 3];
    static readonly ConvNeXtOptions tiny = new() { DropPath = 0.1 };
    static readonly ConvNeXtOptions small = new() { Depths = deep, DropPath = 0.4 };
    static readonly ConvNeXtOptions wide = new() { Depths = deep, Dims = [128, 256, 512, 1024], DropPath = 0.5 };
    static readonly ConvNeXtOptions spectrogram = tiny with { Stem = [2, 16], DropPath = 0.4 };

    /// <summary>The published sizes: Liu et al. (tiny to xlarge), timm (atto to nano), and the DCLS forms of Khalfaoui-Hassani et al.</summary>
    internal static IEnumerable<NamedModel> Named =>
    [
        Image("convnext_atto", new() { Depths = two, Dims = [40, 80, 160, 320] }),
        Image("convnext_femto", new() { Depths = two, Dims = [48, 96, 192, 384] }),
        Image("convnext_pico", new() { Depths = two, Dims = [64, 128, 256, 512] }),
        Image("convnext_nano", new() { Depths = [2, 2, 8, 2], Dims = [80, 160, 320, 640] }),
        Image("convnext_tiny", tiny) with { BenchName = "convnext_t" },
        Image("convnext_small", small),
        Image("convnext_base", wide),
        Image("convnext_large", new() { Depths = deep, Dims = [192, 384, 768, 1536], DropPath = 0.5 }),
        Image("convnext_xlarge", new() { Depths = deep, Dims = [256, 512, 1024, 2048], DropPath = 0.2 }),
        Image("convnext_dcls_tiny", tiny, new("v0", 17, 34)) with { BenchName = "convnext_t_dcls_v0_k17n34" },
        Image("convnext_dcls_small", small, new("v0", 17, 40)),
        Image("convnext_dcls_base", wide, new("v0", 17, 40)),
        Image("convnext_dcls_gauss_tiny", tiny, new("gauss", 23, 26)) with { BenchName = "convnext_t_dcls_gauss_k23n26" },
        Audio("convnext_audio_tiny", null),
        Audio("convnext_dcls_audio_tiny", new("gauss", 23, 26)),
        Audio("convnext_dcls_audio_tiny17", new("v0", 17, 34)),
    ];

    static NamedModel Image(string name, ConvNeXtOptions sizes, DclsKernels? dcls = null) => new(name, NamedModel.ImageNet, new ConvNeXtNetwork(sizes, dcls));

    static NamedModel Audio(string name, DclsKernels? dcls) => NamedModel.OfAudioSet(name, new ConvNeXtNetwork(spectrogram, dcls));

    /// <inheritdoc/>
    public override ILayer Build(ParameterScope at, Shape sample, int classes)
    {
        Expect(sample);
        int shrink = 1 << Sizes.Depths.Length - 1;
        if (sample[0] < Sizes.Stem[0] * shrink || sample[1] < Sizes.Stem[1] * shrink)
            throw new ArgumentException($"the network needs images of at least {Sizes.Stem[0] * shrink}x{Sizes.Stem[1] * shrink}, got {sample}; choose another --model");
        return new ConvNeXt(at, Sizes with { InputChannels = sample[2], Classes = classes }, Dcls?.Factory());
    }

    /// <summary>timm's; its four small sizes, narrower than tiny, have 1×1 convolutions in the place of linear layers.</summary>
    internal override IReadOnlyList<Naming> Namings =>
    [
        new("timm", "stages.#.blocks.#.conv_dw.weight",
            ("downsample_layers.0.*", "stem.*"),
            ("downsample_layers.#.*", "stages.#.downsample.*"),
            ("stages.#.#.dwconv.*", "stages.#.blocks.#.conv_dw.*"),
            ("stages.#.#.pwconv#.*", "stages.#.blocks.#.mlp.fc#.*"),
            ("stages.#.#.norm.*", "stages.#.blocks.#.norm.*"),
            ("stages.#.#.gamma", "stages.#.blocks.#.gamma"),
            ("head.*", "head.fc.*"),
            ("norm.*", "head.norm.*"))
        { Kernels = Sizes.Dims[0] < tiny.Dims[0] ? ["stages.#.#.pwconv#.weight"] : [] },
    ];
}
