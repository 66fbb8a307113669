using MiniTorch;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;
using F = TorchSharp.torch.nn.functional;

namespace Peers;

/// <summary>
/// ConvNeXt-T, plain or with DCLS: its logits, or a training step. official and best_layout are written as published; the other forms keep maps channels last from end to
/// end, fuse the layer scale with the residual, draw kernels separably, and convolve as their name says.
/// </summary>
sealed class ConvNextWork : NetworkWork
{
    const double Epsilon = 1e-6;

    static readonly int[] depths = [3, 3, 9, 3];

    readonly Dictionary<string, Tensor> parameters;
    readonly DclsForm?[] dcls = new DclsForm?[depths.Length];
    readonly DepthwiseForm?[] plain = new DepthwiseForm?[depths.Length];
    readonly bool published;

    internal ConvNextWork(Safetensors file, string name, string form)
        : this(file, name, form, file.Tensors.Keys.Where(static k => k is not ("images" or "labels") && !IsSharedCopy(k)).ToDictionary(static k => k, k => Load(file, k))) { }

    ConvNextWork(Safetensors file, string name, string form, Dictionary<string, Tensor> parameters)
        : base(file, name, Load(file, "images", [0, 3, 1, 2], view: form != "official"), parameters, static _ => true, positionRate: 5, decoupled: true, limit: Size(name) / 2, whole: false)
    {
        (this.parameters, published) = (parameters, form is "official" or "best_layout");
        long size = Size(name);
        for (int stage = 0; stage < depths.Length; stage++)
        {
            string applying = Applying(form, stage);
            if (size == 0) plain[stage] = published ? null : DepthwiseForm.Of(applying);
            else
            {
                Tensor position = parameters[$"stages.{stage}.0.dwconv.P"];
                string drawing = name.Contains("_v0_", StringComparison.Ordinal) ? "scatter" : "separable";
                dcls[stage] = new(published ? form : $"{drawing}+{applying}", position.shape[1], size, position.shape[3]);
            }
        }
    }

    /// <summary>Of the window, 0 for plain kernels.</summary>
    static long Size(string name) => name.Contains("k17", StringComparison.Ordinal) ? 17 : name.Contains("k23", StringComparison.Ordinal) ? 23 : 0;

    internal static IReadOnlyList<string> Forms(string name) => !name.Contains("dcls", StringComparison.Ordinal)
        ? ["official", "best_layout", "channels_last", .. name.EndsWith("train_step", StringComparison.Ordinal) ? (string[])["three_channels_last"] : []]
        : name.EndsWith("train_step", StringComparison.Ordinal) ? ["official", "best_layout", "three_channels_last", "convolutions_and_fft", "fastest_of_each_stage"]
        : ["official", "best_layout", "channels_last", "fastest_of_each_stage"];

    public override void Dispose()
    {
        base.Dispose();
        foreach (DclsForm? form in dcls) form?.Dispose();
    }

    /// <summary>The convolution of a stage: what is fastest depends on the size of its maps.</summary>
    static string Applying(string form, int stage) => form != "fastest_of_each_stage" ? form : stage switch { 0 or 1 => "convolutions_and_fft", 2 => "three_channels_last", _ => "toeplitz" };

    /// <summary>Blocks of a stage share the positions of its first; files have them under every name.</summary>
    static bool IsSharedCopy(string name)
    {
        string[] parts = name.Split('.');
        return parts[^1] is "P" or "SIG" && parts[2] != "0";
    }

    Tensor P(string name) => parameters[name];

    protected override Tensor Forward(Tensor input)
    {
        Tensor x = Patch(input, "downsample_layers.0.0", 4);
        Replace(ref x, Norm(x, "downsample_layers.0.1"));
        for (int stage = 0; stage < depths.Length; stage++)
        {
            if (stage > 0)
            {
                Replace(ref x, Norm(x, $"downsample_layers.{stage}.0"));
                Replace(ref x, Patch(x, $"downsample_layers.{stage}.1", 2));
            }
            for (int block = 0; block < depths[stage]; block++) Replace(ref x, Block(x, stage, block));
        }
        using Tensor map = x, mean = map.mean([2, 3]), normed = F.layer_norm(mean, [mean.shape[1]], P("norm.weight"), P("norm.bias"), Epsilon);
        return F.linear(normed, P("head.weight"), P("head.bias"));
    }

    static void Replace(ref Tensor x, Tensor by)
    {
        x.Dispose();
        x = by;
    }

    Tensor Patch(Tensor x, string name, long size) => F.conv2d(x, P(name + ".weight"), P(name + ".bias"), strides: [size, size]);

    /// <summary>The norms between stages, of maps (n, c, h, w).</summary>
    Tensor Norm(Tensor x, string name)
    {
        if (published) return Norms.ChannelsFirst(x, P(name + ".weight"), P(name + ".bias"), Epsilon);
        using Tensor last = x.permute(0, 2, 3, 1), y = F.layer_norm(last, [x.shape[1]], P(name + ".weight"), P(name + ".bias"), Epsilon);
        return y.permute(0, 3, 1, 2);
    }

    Tensor Block(Tensor x, int stage, int block)
    {
        string at = $"stages.{stage}.{block}.";
        using Tensor last = Depthwise(x, stage, at), normed = F.layer_norm(last, [x.shape[1]], P(at + "norm.weight"), P(at + "norm.bias"), Epsilon);
        using Tensor wide = F.linear(normed, P(at + "pwconv1.weight"), P(at + "pwconv1.bias"));
        using Tensor bent = F.gelu(wide), narrow = F.linear(bent, P(at + "pwconv2.weight"), P(at + "pwconv2.bias"));
        if (published)
        {
            using Tensor scaled = P(at + "gamma") * narrow, first = scaled.permute(0, 3, 1, 2);
            return x + first;
        }
        using Tensor before = x.permute(0, 2, 3, 1), after = before.addcmul(narrow, P(at + "gamma"), 1);
        return after.permute(0, 3, 1, 2);
    }

    /// <summary>The depthwise convolution of a block, as (n, h, w, c).</summary>
    Tensor Depthwise(Tensor x, int stage, string at)
    {
        Tensor bias = P(at + "dwconv.bias");
        using Tensor kernel = Kernel(stage, at);
        if (plain[stage] is null && dcls[stage] is not { IsByHand: true })
        {
            long half = kernel.shape[2] / 2;
            using Tensor y = F.conv2d(x, kernel, bias, padding: [half, half], groups: x.shape[1]);
            return y.permute(0, 2, 3, 1);
        }
        using Tensor bare = plain[stage] is { } form ? is_grad_enabled() ? ConvolveByHand.apply(x, kernel, form) : form.Forward(x, kernel) : dcls[stage]!.Convolve(x, kernel);
        using Tensor last = bare.permute(0, 2, 3, 1);
        return last + bias;
    }

    Tensor Kernel(int stage, string at)
    {
        if (dcls[stage] is not { } form) return P(at + "dwconv.weight").alias();
        string first = $"stages.{stage}.0.dwconv.";
        return form.Draw(P(at + "dwconv.weight"), P(first + "P"), parameters.GetValueOrDefault(first + "SIG"));
    }
}
