using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>Sizes of a FastViT.</summary>
public sealed record FastVitOptions
{
    /// <summary>Blocks per stage. The last stage mixes positions by attention, the others by <see cref="RepMixer"/>.</summary>
    public int[] Depths { get; init; } = [4, 4, 12, 4];

    /// <summary>Channels per stage, each a multiple of the one before.</summary>
    public int[] Dims { get; init; } = [64, 128, 256, 512];

    /// <summary>Width of the feed-forward parts, in widths of their stage.</summary>
    public int MlpRatio { get; init; } = 4;

    /// <summary>Channels of an attention head.</summary>
    public int HeadChannels { get; init; } = 32;

    /// <summary>Channels of the input image.</summary>
    public int InputChannels { get; init; } = 3;

    /// <summary>Number of classes.</summary>
    public int Classes { get; init; } = 1000;

    /// <summary>Kernel and stride of a stem that is one convolution without bias, norm or activation, [2, 16] for spectrograms; null for the three blocks of stride 4.</summary>
    public int[]? Patch { get; init; }

    /// <summary>Size of the depthwise kernels of feed-forward parts and positional encoding, odd.</summary>
    public int KernelSize { get; init; } = 7;

    /// <summary>What layer scale starts from.</summary>
    public double LayerScale { get; init; } = 1e-5;

    /// <summary>Largest drop-path rate; it rises linearly over the blocks.</summary>
    public double DropPath { get; init; }

    /// <summary>True for the form that <see cref="FastVit.Fold"/> makes, for inference: one convolution in the place of parallel branches.</summary>
    public bool Folded { get; init; }
}

/// <summary>
/// FastViT (Vasu et al., arXiv 2303.14189; sizes SA and MA) on images [n, h, w, c]: a stem, four stages of blocks with downsampling between, a positional encoding before the
/// last, an expanding convolution, mean over positions, linear head. Many parts have parallel branches that <see cref="Fold"/> merges. Names are the official ones. The
/// activation of the downsampling's first part, which the official code declares and never applies, is left out.
/// </summary>
public sealed class FastVit : ILayer, ILayered
{
    const double Deviation = 0.02;
    const int ExpansionKernel = 3, ExpansionRatio = 2;

    readonly DclsLayers dcls = new();
    readonly List<Reparameterised> parts = [];
    readonly Sequential body;
    readonly Linear head;

    static Init Weight => Inits.TruncatedNormal(Deviation);

    /// <summary>Declares the model's parameters at <paramref name="at"/>; the depthwise convolutions of feed-forward parts and positional encoding are plain unless given.</summary>
    public FastVit(ParameterScope at, FastVitOptions options, Depthwise? depthwise = null)
    {
        depthwise = dcls.Collect(depthwise ?? Conv2d.Depthwise);
        int count = options.Depths.Length, total = options.Depths.Sum(), block = 0, place = 0;
        if (count == 0 || options.Dims.Length != count) throw new TensorException($"FastVit: depths [{string.Join(", ", options.Depths)}] and dims [{string.Join(", ", options.Dims)}] must name the same stages");
        bool folded = options.Folded;
        List<string[]> beginnings = [["patch_embed"]];
        List<ILayer> layers = [.. Stem(at["patch_embed"], options)];
        for (int s = 0; s < count; s++)
        {
            int width = options.Dims[s], first = Math.Max(0, place - 1);
            bool attends = s == count - 1;
            if (attends) layers.Add(Part(new PositionalEncoding(at["network"][place++], folded, width, options.KernelSize, depthwise)));
            ParameterScope stage = at["network"][place++];
            for (int b = 0; b < options.Depths[s]; b++, block++)
            {
                beginnings.Add([$"{stage.Path}.{b}", .. Enumerable.Range(first, b == 0 ? place - 1 - first : 0).Select(static p => $"network.{p}")]);
                double drop = total > 1 ? options.DropPath * block / (total - 1) : 0;
                layers.Add(attends ? new AttentionBlock(stage[b], width, drop, options, depthwise)
                    : new MixerBlock(stage[b], width, drop, options, Part(new RepMixer(stage[b]["token_mixer"], folded, width, options.LayerScale)), depthwise));
            }
            if (attends) break;
            ParameterScope down = at["network"][place++]["proj"];
            layers.Add(Part(new LargeKernel(down[0], folded, width, options.Dims[s + 1])));
            layers.Add(Part(new MobileOne(down[1], folded, options.Dims[s + 1], options.Dims[s + 1], 1)));
        }
        int last = options.Dims[^1];
        layers.Add(Part(new MobileOne(at["conv_exp"], folded, last, ExpansionRatio * last, ExpansionKernel, groups: last, squeezes: true)));
        (body, Beginnings) = (new([.. layers]), beginnings);
        head = new(at["head"], ExpansionRatio * last, options.Classes, weightInit: Weight, biasInit: Inits.Zeros);
    }

    /// <summary>The stem, then each block, the first of a stage with what lies between the stages.</summary>
    public IReadOnlyList<string[]> Beginnings { get; }

    IEnumerable<ILayer> Stem(ParameterScope at, FastVitOptions options)
    {
        int width = options.Dims[0];
        if (options.Patch is { } patch) return [new Conv2d(at, options.InputChannels, width, PerAxis.Create(patch), PerAxis.Create(patch), bias: false)];
        return
        [
            Part(new MobileOne(at[0], options.Folded, options.InputChannels, width, 3, stride: 2)),
            Part(new MobileOne(at[1], options.Folded, width, width, 3, stride: 2, groups: width)),
            Part(new MobileOne(at[2], options.Folded, width, width, 1)),
        ];
    }

    P Part<P>(P part) where P : Reparameterised
    {
        parts.Add(part);
        return part;
    }

    /// <summary>Logits [n, classes] of images [n, h, w, c].</summary>
    public Tensor Forward(Tensor x)
    {
        using DclsLayers.Drawn drawn = dcls.Draw();
        return head.Forward(body.Forward(x).Mean([1, 2]));
    }

    /// <summary>
    /// Merges the parallel branches of a stored plain model (a DCLS one is baked first, <see cref="Dcls.Bake(IReadOnlyDictionary{string, StoredTensor}, Func{ParameterScope, Depthwise, ILayer}, Depthwise)"/>):
    /// the tensors of the same model with <see cref="FastVitOptions.Folded"/>, whose logits are those of the branches with running statistics, to rounding.
    /// </summary>
    public static Dictionary<string, StoredTensor> Fold(IReadOnlyDictionary<string, StoredTensor> checkpoint, FastVitOptions options)
    {
        (FastVit model, ParameterStore store) = ParameterStore.Build(at => new FastVit(at, options with { Folded = false }), file: checkpoint);
        using ParameterStore owner = store;
        Dictionary<string, StoredTensor> tensors = new(checkpoint);
        foreach (Reparameterised part in model.parts) part.FoldIn(tensors);
        return tensors;
    }

    /// <summary>y + drop path(γ · feed-forward y) of y = mixer x.</summary>
    sealed class MixerBlock(ParameterScope at, int width, double dropRate, FastVitOptions options, RepMixer mixer, Depthwise depthwise) : ILayer
    {
        readonly FeedForward feedForward = new(at["convffn"], width, options, depthwise);
        readonly Residual residual = new(at, "layer_scale", width, options.LayerScale, dropRate, asMap: true);
        readonly string path = at.Path;

        public Tensor Forward(Tensor x)
        {
            using Profile.Scope layer = Profile.Layer(path);
            Tensor y = mixer.Forward(x);
            return residual.Join(y, feedForward.Forward(y));
        }
    }

    /// <summary>y + drop path(γ₂ · feed-forward y) of y = x + drop path(γ₁ · attention(norm x)).</summary>
    sealed class AttentionBlock(ParameterScope at, int width, double dropRate, FastVitOptions options, Depthwise depthwise) : ILayer
    {
        readonly BatchNorm norm = new(at["norm"], width);
        readonly SelfAttention attention = new(at["token_mixer"], width, options.HeadChannels, projectionBias: true, Weight);
        readonly FeedForward feedForward = new(at["convffn"], width, options, depthwise);
        readonly Residual first = new(at, "layer_scale_1", width, options.LayerScale, dropRate, asMap: true), second = new(at, "layer_scale_2", width, options.LayerScale, dropRate, asMap: true);
        readonly string path = at.Path;

        public Tensor Forward(Tensor x)
        {
            using Profile.Scope layer = Profile.Layer(path);
            Tensor y = first.Join(x, attention.Forward(norm.Forward(x)));
            return second.Join(y, feedForward.Forward(y));
        }
    }

    /// <summary>Depthwise convolution, norm, 1×1 convolution to the wider width, GELU, 1×1 convolution back.</summary>
    sealed class FeedForward(ParameterScope at, int width, FastVitOptions options, Depthwise depthwise) : ILayer
    {
        readonly ILayer spatial = depthwise(at["conv"]["conv"], width, options.KernelSize, bias: false, Weight, null);
        readonly BatchNorm norm = new(at["conv"]["bn"], width);
        readonly Conv2d expand = new(at["fc1"], width, options.MlpRatio * width, 1, weightInit: Weight, biasInit: Inits.Zeros);
        readonly Conv2d project = new(at["fc2"], options.MlpRatio * width, width, 1, weightInit: Weight, biasInit: Inits.Zeros);

        public Tensor Forward(Tensor x) => project.Forward(expand.Forward(norm.Forward(spatial.Forward(x))).Gelu());
    }
}
