using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>A part of a FastViT that has several branches while it is trained and is one convolution once they are folded.</summary>
abstract class Reparameterised : ILayer
{
    readonly Conv2d? folded;
    readonly string name;

    /// <summary>Declares the one convolution of a folded part, under its official name; the branches are the subclass's.</summary>
    private protected Reparameterised(ParameterScope at, bool isFolded, string name, int inputs, int outputs, int kernel, int stride, int groups)
    {
        (Path, this.name) = (at.Path, name);
        if (isFolded) folded = new(at[name], inputs, outputs, kernel, stride, padding: kernel / 2, groups: groups);
    }

    internal string Path { get; }

    public Tensor Forward(Tensor x) => Finish(folded is null ? Branches(x) : folded.Forward(x));

    /// <summary>The sum of the branches.</summary>
    private protected abstract Tensor Branches(Tensor x);

    /// <summary>The branches as one convolution.</summary>
    internal abstract FoldedConv Fold();

    /// <summary>What comes after the convolution in either form.</summary>
    private protected virtual Tensor Finish(Tensor x) => x;

    /// <summary>Whether folding drops a tensor of this part, by its name within the part.</summary>
    private protected abstract bool Drops(string name);

    /// <summary>Puts the one convolution in the place of the branches.</summary>
    internal void FoldIn(Dictionary<string, StoredTensor> tensors)
    {
        FoldedConv conv = Fold();
        foreach (string key in tensors.Keys.Where(k => k.StartsWith(Path + ".", StringComparison.Ordinal) && Drops(k[(Path.Length + 1)..])).ToArray()) tensors.Remove(key);
        conv.Save(tensors, $"{Path}.{name}");
    }
}

/// <summary>A convolution without bias, and its norm.</summary>
sealed class ConvNorm(ParameterScope at, int inputs, int outputs, int kernel, int stride, int groups) : ILayer
{
    readonly Conv2d conv = new(at["conv"], inputs, outputs, kernel, stride, padding: kernel / 2, groups: groups, bias: false);
    readonly BatchNorm norm = new(at["bn"], outputs);

    public Tensor Forward(Tensor x) => norm.Forward(conv.Forward(x));

    internal FoldedConv Fold() => FoldedConv.Of(conv, norm);
}

/// <summary>
/// The MobileOne block: norm(conv x) + norm(1×1 conv x) + norm x, then squeeze-and-excite and GELU where wanted. There is a 1×1 branch beside larger kernels and a branch
/// without a convolution where shapes stay.
/// </summary>
sealed class MobileOne : Reparameterised
{
    readonly ConvNorm? conv, scale;
    readonly BatchNorm? skip;
    readonly SqueezeExcite? squeeze;
    readonly bool activate;
    readonly int outputs, groups, kernel;

    internal MobileOne(ParameterScope at, bool isFolded, int inputs, int outputs, int kernel, int stride = 1, int groups = 1, bool squeezes = false, bool activate = true)
        : base(at, isFolded, "reparam_conv", inputs, outputs, kernel, stride, groups)
    {
        (this.activate, this.outputs, this.groups, this.kernel) = (activate, outputs, groups, kernel);
        squeeze = squeezes ? new(at["se"], outputs) : null;
        if (isFolded) return;
        skip = inputs == outputs && stride == 1 ? new(at["rbr_skip"], inputs) : null;
        conv = new(at["rbr_conv"][0], inputs, outputs, kernel, stride, groups);
        scale = kernel > 1 ? new(at["rbr_scale"], inputs, outputs, 1, stride, groups) : null;
    }

    private protected override Tensor Branches(Tensor x)
    {
        Tensor y = conv!.Forward(x);
        if (scale is not null) y += scale.Forward(x);
        return skip is null ? y : y + skip.Forward(x);
    }

    private protected override Tensor Finish(Tensor x)
    {
        Tensor y = squeeze is null ? x : squeeze.Forward(x);
        return activate ? y.Gelu() : y;
    }

    internal override FoldedConv Fold() => conv!.Fold().Plus(scale?.Fold()).Plus(skip is null ? null : FoldedConv.Identity(outputs, groups, kernel, skip));

    private protected override bool Drops(string name) => name.StartsWith("rbr_", StringComparison.Ordinal);

    /// <summary>x times a factor a channel that two small layers make of the channels' means.</summary>
    sealed class SqueezeExcite(ParameterScope at, int channels) : ILayer
    {
        const int Ratio = 16;

        readonly Conv2d reduce = new(at["reduce"], channels, channels / Ratio, 1), expand = new(at["expand"], channels / Ratio, channels, 1);

        public Tensor Forward(Tensor x) => x * expand.Forward(reduce.Forward(x.Mean([1, 2], keepDim: true)).Relu()).Sigmoid();
    }
}

/// <summary>The mixer without attention: x + γ (mix x − norm x) with a 3×3 depthwise MobileOne block. Folded, one 3×3 depthwise convolution.</summary>
sealed class RepMixer : Reparameterised
{
    const int Kernel = 3;

    readonly MobileOne? mixer;
    readonly BatchNorm? norm;
    readonly Residual? residual;
    readonly int channels;

    internal RepMixer(ParameterScope at, bool isFolded, int channels, double layerScale) : base(at, isFolded, "reparam_conv", channels, channels, Kernel, 1, channels)
    {
        this.channels = channels;
        if (isFolded) return;
        norm = new(at["norm"]["rbr_skip"], channels);
        mixer = new(at["mixer"], isFolded: false, channels, channels, Kernel, groups: channels, activate: false);
        residual = new(at, "layer_scale", channels, layerScale, p: 0, asMap: true);
    }

    private protected override Tensor Branches(Tensor x) => residual!.Join(x, mixer!.Forward(x) - norm!.Forward(x));

    internal override FoldedConv Fold()
    {
        FoldedConv branch = mixer!.Fold().Plus(FoldedConv.Identity(channels, channels, Kernel, norm), -1);
        return FoldedConv.Identity(channels, channels, Kernel).Plus(branch.Times(residual!.Factors()));
    }

    private protected override bool Drops(string name) => true;
}

/// <summary>The first part of a downsampling: a 7×7 and a 3×3 convolution of each channel into several, of stride 2, each with its norm.</summary>
sealed class LargeKernel : Reparameterised
{
    const int Large = 7, Small = 3;

    readonly ConvNorm? large, small;

    internal LargeKernel(ParameterScope at, bool isFolded, int inputs, int outputs) : base(at, isFolded, "lkb_reparam", inputs, outputs, Large, 2, inputs)
    {
        if (isFolded) return;
        large = new(at["lkb_origin"], inputs, outputs, Large, 2, inputs);
        small = new(at["small_conv"], inputs, outputs, Small, 2, inputs);
    }

    private protected override Tensor Branches(Tensor x) => large!.Forward(x) + small!.Forward(x);

    internal override FoldedConv Fold() => large!.Fold().Plus(small!.Fold());

    private protected override bool Drops(string name) => true;
}

/// <summary>The positional encoding before the last stage: x + depthwise x.</summary>
sealed class PositionalEncoding : Reparameterised
{
    readonly ILayer? encoding;
    readonly int channels, kernel;

    internal PositionalEncoding(ParameterScope at, bool isFolded, int channels, int kernel, Depthwise depthwise) : base(at, isFolded, "reparam_conv", channels, channels, kernel, 1, channels)
    {
        (this.channels, this.kernel) = (channels, kernel);
        if (!isFolded) encoding = depthwise(at["pe"], channels, kernel, bias: true, null, null);
    }

    private protected override Tensor Branches(Tensor x) => x + encoding!.Forward(x);

    internal override FoldedConv Fold() => FoldedConv.Of((Conv2d)encoding!).Plus(FoldedConv.Identity(channels, channels, kernel));

    private protected override bool Drops(string name) => true;
}
