namespace MiniTorch.Models;

/// <summary>A <see cref="FastVit"/>.</summary>
/// <param name="Sizes">Its sizes; input channels and classes are taken from the data.</param>
/// <param name="Dcls">Its depthwise kernels, or null for plain ones.</param>
public sealed record FastVitNetwork(FastVitOptions Sizes, DclsKernels? Dcls = null) : Network
{
    static readonly int[] deep = [6, 6, 18, 6];
    static readonly FastVitOptions sa24 = new() { DropPath = 0.1 };
    static readonly FastVitOptions sa36 = sa24 with { Depths = deep, DropPath = 0.2 };

    /// <summary>The published sizes, with parallel branches, and the published DCLS forms.</summary>
    internal static IEnumerable<NamedModel> Named =>
    [
        Image("fastvit_sa24", sa24),
        Image("fastvit_sa36", sa36),
        Image("fastvit_ma36", sa36 with { Dims = [76, 152, 304, 608], DropPath = 0.35 }),
        Image("fastvit_dcls_sa24", sa24, new("v1", 17, 34)),
        Image("fastvit_dcls_sa36", sa36, new("v1", 17, 34)),
        Audio("fastvit_audio_sa24", null),
        Audio("fastvit_dcls_audio_sa24", new("gauss", 23, 26)),
    ];

    static NamedModel Image(string name, FastVitOptions sizes, DclsKernels? dcls = null) => new(name, [256, 256, 3], new FastVitNetwork(sizes, dcls));

    static NamedModel Audio(string name, DclsKernels? dcls) => NamedModel.OfAudioSet(name, new FastVitNetwork(sa24 with { Patch = [2, 16], DropPath = 0.4 }, dcls));

    /// <inheritdoc/>
    public override ILayer Build(ParameterScope at, Shape sample, int classes)
    {
        Expect(sample);
        int[] least = Sizes.Patch ?? [1, 1];
        if (sample[0] < least[0] || sample[1] < least[1]) throw new ArgumentException($"the network needs images of at least {least[0]}x{least[1]}, got {sample}; choose another --model");
        return new FastVit(at, Sizes with { InputChannels = sample[2], Classes = classes }, Dcls?.Factory());
    }

    /// <summary>A file without branches is of the folded form.</summary>
    internal override Network As(IReadOnlyCollection<string> names)
        => this with { Sizes = Sizes with { Folded = Sizes.Folded || names.Any(static n => n.EndsWith(".reparam_conv.weight", StringComparison.Ordinal)) } };

    /// <summary>timm's, which counts stages in the place of all parts, and has the downsampling and the positional encoding in the stage after them.</summary>
    internal override IReadOnlyList<Naming> Namings => [new("timm", "stages.#.blocks.#.token_mixer.*", [.. Places(Sizes.Depths.Length), .. words])];

    static readonly (string, string)[] words =
    [
        ("patch_embed.*", "stem.*"),
        ("conv_exp.*", "final_conv.*"),
        ("head.*", "head.fc.*"),
        ("*.rbr_conv.*", "*.conv_kxk.*"),
        ("*.rbr_scale.*", "*.conv_scale.*"),
        ("*.rbr_skip.*", "*.identity.*"),
        ("*.lkb_origin.*", "*.large_conv.*"),
        ("stages.#.downsample.proj.0.lkb_reparam.*", "stages.#.downsample.proj.0.reparam_conv.*"),
        ("*.convffn.*", "*.mlp.*"),
        ("*.se.reduce.*", "*.se.fc1.*"),
        ("*.se.expand.*", "*.se.fc2.*"),
        ("*.layer_scale", "*.layer_scale.gamma"),
        ("*.layer_scale_#", "*.layer_scale_#.gamma"),
    ];

    static IEnumerable<(string Ours, string Theirs)> Places(int stages)
    {
        int last = stages - 1, encoding = 2 * last;
        yield return ($"network.{encoding}.pe.*", $"stages.{last}.pos_emb.pos_enc.*");
        yield return ($"network.{encoding}.reparam_conv.*", $"stages.{last}.pos_emb.reparam_conv.*");
        yield return ($"network.{encoding + 1}.*", $"stages.{last}.blocks.*");
        for (int s = 0; s < last; s++)
        {
            yield return ($"network.{2 * s + 1}.proj.*", $"stages.{s + 1}.downsample.proj.*");
            yield return ($"network.{2 * s}.*", $"stages.{s}.blocks.*");
        }
    }
}
