namespace MiniTorch.Models;

/// <summary>A <see cref="MetaFormer"/>.</summary>
/// <param name="Sizes">Its sizes; input channels and classes are taken from the data.</param>
/// <param name="Dcls">Its depthwise kernels, or null for plain ones.</param>
public sealed record MetaFormerNetwork(MetaFormerOptions Sizes, DclsKernels? Dcls = null) : Network
{
    const int Overlap = 3;          // the smallest image that a 7×7 window with padding 2 fits in
    static readonly int[] deep = [3, 12, 18, 3], middle = [96, 192, 384, 576], wide = [128, 256, 512, 768];
    static readonly MetaFormerOptions conv = new() { DropPath = 0.2 };
    static readonly MetaFormerOptions attention = new() { AttentionStages = 2, DropPath = 0.15 };

    /// <summary>The published sizes (Yu et al.) with their settings for ImageNet, and the published DCLS forms.</summary>
    internal static IEnumerable<NamedModel> Named =>
    [
        Image("convformer_s18", conv),
        Image("convformer_s36", conv with { Depths = deep, DropPath = 0.3 }),
        Image("convformer_m36", conv with { Depths = deep, Dims = middle, DropPath = 0.4 }),
        Image("convformer_b36", conv with { Depths = deep, Dims = wide, DropPath = 0.6 }),
        Image("caformer_s18", attention),
        Image("caformer_s36", attention with { Depths = deep, DropPath = 0.3, HeadDropout = 0.4 }),
        Image("caformer_m36", attention with { Depths = deep, Dims = middle, DropPath = 0.4, HeadDropout = 0.4 }),
        Image("caformer_b36", attention with { Depths = deep, Dims = wide, DropPath = 0.6, HeadDropout = 0.5 }),
        Image("convformer_dcls_s18", conv, new("v1", 17, 40)),
        Image("caformer_dcls_s18", attention, new("v1", 17, 34)),
        Audio("convformer_audio_s18", null),
        Audio("convformer_dcls_audio_s18", new("gauss", 23, 26)),
    ];

    static NamedModel Image(string name, MetaFormerOptions sizes, DclsKernels? dcls = null) => new(name, NamedModel.ImageNet, new MetaFormerNetwork(sizes, dcls));

    static NamedModel Audio(string name, DclsKernels? dcls) => NamedModel.OfAudioSet(name, new MetaFormerNetwork(conv with { Patch = [2, 16], DropPath = 0.4 }, dcls));

    /// <inheritdoc/>
    public override ILayer Build(ParameterScope at, Shape sample, int classes)
    {
        Expect(sample);
        int[] least = Sizes.Patch ?? [Overlap, Overlap];
        if (sample[0] < least[0] || sample[1] < least[1]) throw new ArgumentException($"the network needs images of at least {least[0]}x{least[1]}, got {sample}; choose another --model");
        return new MetaFormer(at, Sizes with { InputChannels = sample[2], Classes = classes }, Dcls?.Factory());
    }

    /// <summary>timm's, which has 1×1 convolutions in the place of linear layers in stages without attention.</summary>
    internal override IReadOnlyList<Naming> Namings =>
    [
        new("timm", "stages.#.blocks.#.token_mixer.*",
            ("downsample_layers.0.post_norm.*", "stem.norm.*"),
            ("downsample_layers.0.conv.*", "stem.conv.*"),
            ("downsample_layers.#.pre_norm.*", "stages.#.downsample.norm.*"),
            ("downsample_layers.#.conv.*", "stages.#.downsample.conv.*"),
            ("stages.#.#.*", "stages.#.blocks.#.*"),
            ("head.*", "head.fc.*"),
            ("norm.*", "head.norm.*"))
        { Kernels = [.. Enumerable.Range(0, Sizes.Depths.Length - Sizes.AttentionStages).SelectMany(static s => (string[])[$"stages.{s}.#.token_mixer.pwconv#.weight", $"stages.{s}.#.mlp.fc#.weight"])] },
    ];
}
