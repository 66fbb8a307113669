using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>Sizes of a ConvFormer or a CAFormer.</summary>
public sealed record MetaFormerOptions
{
    /// <summary>Blocks per stage.</summary>
    public int[] Depths { get; init; } = [3, 3, 9, 3];

    /// <summary>Channels per stage.</summary>
    public int[] Dims { get; init; } = [64, 128, 320, 512];

    /// <summary>How many of the last stages mix positions by attention; the others do by separable convolutions. 0 is a ConvFormer, 2 a CAFormer.</summary>
    public int AttentionStages { get; init; }

    /// <summary>How many of the last stages scale their residual paths by a learned factor a channel.</summary>
    public int ScaledStages { get; init; } = 2;

    /// <summary>Channels of an attention head.</summary>
    public int HeadChannels { get; init; } = 32;

    /// <summary>Channels of the input image.</summary>
    public int InputChannels { get; init; } = 3;

    /// <summary>Number of classes.</summary>
    public int Classes { get; init; } = 1000;

    /// <summary>Kernel and stride of a patchifying stem without bias, [2, 16] for spectrograms; null for the overlapping 7×7 of stride 4.</summary>
    public int[]? Patch { get; init; }

    /// <summary>Size of the plain depthwise kernels, odd.</summary>
    public int KernelSize { get; init; } = 7;

    /// <summary>Largest drop-path rate; it rises linearly over the blocks.</summary>
    public double DropPath { get; init; }

    /// <summary>Dropout before the last layer.</summary>
    public double HeadDropout { get; init; }
}

/// <summary>
/// The MetaFormer baselines ConvFormer and CAFormer (Yu et al., arXiv 2210.13452) on images [n, h, w, c]: a stem, four stages of blocks with downsampling convolutions between,
/// mean over positions, norm, two-layer head. Inside the blocks nothing has a bias. Names and initial values are the official ones.
/// </summary>
public sealed class MetaFormer : ILayer, ILayered
{
    readonly DclsLayers dcls = new();
    readonly Sequential body;
    readonly LayerNorm norm, headNorm;
    readonly Linear expand, classify;
    readonly Dropout dropout;

    static Init Weight => Inits.TruncatedNormal(0.02);

    /// <summary>Declares the model's parameters at <paramref name="at"/>; its depthwise convolutions, of twice the width of their stage, are plain unless given.</summary>
    public MetaFormer(ParameterScope at, MetaFormerOptions options, Depthwise? depthwise = null)
    {
        depthwise = dcls.Collect(depthwise ?? Conv2d.Depthwise);
        int count = options.Depths.Length, total = options.Depths.Sum(), block = 0;
        if (count == 0 || options.Dims.Length != count) throw new TensorException($"MetaFormer: depths [{string.Join(", ", options.Depths)}] and dims [{string.Join(", ", options.Dims)}] must name the same stages");
        List<ILayer> layers = [];
        List<string[]> beginnings = [["downsample_layers.0"]];
        for (int s = 0; s < count; s++)
        {
            ParameterScope down = at["downsample_layers"][s];
            int width = options.Dims[s];
            if (s > 0) layers.Add(new LayerNorm(down["pre_norm"], options.Dims[s - 1], bias: false));
            layers.Add(s > 0 ? Convolution(down, options.Dims[s - 1], width, 3, 2, 1) : options.Patch is null ? Convolution(down, options.InputChannels, width, 7, 4, 2)
                : Convolution(down, options.InputChannels, width, PerAxis.Create(options.Patch), PerAxis.Create(options.Patch), 0, bias: false));
            if (s == 0) layers.Add(new LayerNorm(down["post_norm"], width, bias: false));
            for (int b = 0; b < options.Depths[s]; b++, block++)
            {
                ParameterScope here = at["stages"][s][b];
                double drop = total > 1 ? options.DropPath * block / (total - 1) : 0;
                ILayer mixer = s >= count - options.AttentionStages ? new SelfAttention(here["token_mixer"], width, options.HeadChannels, weightInit: Weight)
                    : new SeparableConvolution(here["token_mixer"], width, options.KernelSize, depthwise);
                beginnings.Add(s > 0 && b == 0 ? [$"downsample_layers.{s}", $"stages.{s}.{b}"] : [$"stages.{s}.{b}"]);
                bool scaled = s >= count - options.ScaledStages;
                layers.Add(new Branch(here, "norm1", "res_scale1", width, mixer, scaled, drop));
                layers.Add(new Branch(here, "norm2", "res_scale2", width, new Mlp(here["mlp"], width), scaled, drop));
            }
        }
        (body, Beginnings) = (new([.. layers]), beginnings);
        int last = options.Dims[^1];
        norm = new(at["norm"], last);
        expand = new(at["head"]["fc1"], last, 4 * last, weightInit: Weight, biasInit: Inits.Zeros);
        headNorm = new(at["head"]["norm"], 4 * last, epsilon: 1e-5);
        dropout = new(at["head"]["head_dropout"], options.HeadDropout);
        classify = new(at["head"]["fc2"], 4 * last, options.Classes, weightInit: Weight, biasInit: Inits.Zeros);
    }

    /// <summary>The stem, then each block, the first of a stage with the downsampling before it.</summary>
    public IReadOnlyList<string[]> Beginnings { get; }

    static Conv2d Convolution(ParameterScope at, int inputs, int outputs, PerAxis kernel, PerAxis stride, PerAxis padding, bool bias = true)
        => new(at["conv"], inputs, outputs, kernel, stride, padding, bias: bias, weightInit: Weight, biasInit: Inits.Zeros);

    /// <summary>Logits [n, classes] of images [n, h, w, c].</summary>
    public Tensor Forward(Tensor x)
    {
        using DclsLayers.Drawn drawn = dcls.Draw();
        Tensor wide = expand.Forward<SquaredRelu>(norm.Forward(body.Forward(x).Mean([1, 2])));
        return classify.Forward(dropout.Forward(headNorm.Forward(wide)));
    }

    /// <summary>r · x + drop path(mix(norm x)), with a factor r a channel or 1.</summary>
    sealed class Branch(ParameterScope at, string normName, string scaleName, int width, ILayer mix, bool scaled, double dropRate) : ILayer
    {
        readonly LayerNorm norm = new(at[normName], width, bias: false);
        readonly Tensor? scale = scaled ? at[scaleName].Parameter("scale", [width], Inits.Ones) : null;
        readonly Residual residual = new(at[scaleName], "", width, initial: 0, dropRate);
        readonly string path = at.Path;

        public Tensor Forward(Tensor x)
        {
            using Profile.Scope layer = Profile.Layer(path);
            return residual.Join(scale is null ? x : Trace.Report(x * scale.For(x), $"{path}.{scaleName}", $"ResidualScale {width}", width), mix.Forward(norm.Forward(x)));
        }
    }

    /// <summary>Expands to twice the width, StarReLU, depthwise convolution, projects back.</summary>
    sealed class SeparableConvolution(ParameterScope at, int width, int kernelSize, Depthwise depthwise) : ILayer
    {
        readonly Linear expand = new(at["pwconv1"], width, 2 * width, bias: false, weightInit: Weight);
        readonly StarActivation activation = new(at["act1"]);
        readonly ILayer spatial = depthwise(at["dwconv"], 2 * width, kernelSize, bias: false, Weight, null);
        readonly Linear project = new(at["pwconv2"], 2 * width, width, bias: false, weightInit: Weight);

        public Tensor Forward(Tensor x) => project.Forward(spatial.Forward(activation.Forward(expand.Forward(x))));
    }

    /// <summary>Expands to four times the width, StarReLU, projects back.</summary>
    sealed class Mlp(ParameterScope at, int width) : ILayer
    {
        readonly Linear expand = new(at["fc1"], width, 4 * width, bias: false, weightInit: Weight);
        readonly StarActivation activation = new(at["act"]);
        readonly Linear project = new(at["fc2"], 4 * width, width, bias: false, weightInit: Weight);

        public Tensor Forward(Tensor x) => project.Forward(activation.Forward(expand.Forward(x)));
    }

    /// <summary><see cref="StarRelu"/> with its own scale, from 1, and bias, from 0.</summary>
    sealed class StarActivation(ParameterScope at) : ILayer
    {
        readonly Tensor scale = at.Parameter("scale", [1], Inits.Ones), bias = at.Parameter("bias", [1], Inits.Zeros);
        readonly string path = at.Path;

        public Tensor Forward(Tensor x) => Trace.Report(StarRelu.Of(x, scale.For(x), bias.For(x)), path, "StarReLU", 2);
    }
}
