using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;
using F = TorchSharp.torch.nn.functional;

namespace Peers;

/// <summary>
/// A DCLS layer in one form: how its kernel is drawn and how it is applied. A form's name says both, joined by a plus sign; official and best_layout draw the published way,
/// channels_last alone draws separably.
/// </summary>
sealed class DclsForm : IDisposable
{
    readonly string drawing;
    readonly DepthwiseForm? applying;
    readonly long size;
    readonly Tensor? grid;

    internal DclsForm(string name, long channels, long size, long count)
    {
        this.size = size;
        string[] parts = name.Split('+');
        IsContiguous = name is "official" || parts[^1] == "fft";
        bool published = name is "official" or "best_layout";
        drawing = published ? "official" : parts.Length > 1 ? parts[0] : name is "scatter" or "separable_by_hand" ? name : "separable";
        applying = published || parts.Length == 1 ? null : DepthwiseForm.Of(parts[1]);
        if (published) grid = KernelForm.OfficialGrid(channels, size, count);
    }

    /// <summary>True if maps are (n, c, h, w) in memory too.</summary>
    internal bool IsContiguous { get; }

    /// <summary>True if the convolution is a <see cref="DepthwiseForm"/>'s.</summary>
    internal bool IsByHand => applying is not null;

    internal Tensor Draw(Tensor weight, Tensor position, Tensor? sigma) => drawing switch
    {
        "official" => KernelForm.Official(weight, position, sigma, grid!),
        "separable" => KernelForm.Separable(weight, position, sigma, size),
        _ when !is_grad_enabled() => Drawn(weight, position, sigma),
        _ => DrawByHand.apply(weight, position, sigma!, drawing == "scatter", size),
    };

    internal Tensor Convolve(Tensor x, Tensor kernel)
        => applying is not { } form ? F.conv2d(x, kernel, padding: [size / 2, size / 2], groups: x.shape[1])
            : is_grad_enabled() ? ConvolveByHand.apply(x, kernel, form) : form.Forward(x, kernel);

    Tensor Drawn(Tensor weight, Tensor position, Tensor? sigma)
        => drawing == "scatter" ? KernelForm.Scattered(weight, position, size) : KernelForm.Separable(weight, position, sigma, size);

    public void Dispose() => grid?.Dispose();
}

/// <summary>A depthwise convolution whose gradients are a <see cref="DepthwiseForm"/>'s.</summary>
sealed class ConvolveByHand : autograd.SingleTensorFunction<ConvolveByHand>
{
    public override string Name => nameof(ConvolveByHand);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        (Tensor x, Tensor w, DepthwiseForm form) = ((Tensor)vars[0], (Tensor)vars[1], (DepthwiseForm)vars[2]);
        ctx.save_for_backward([x, w]);
        ctx.save_data("form", form);
        return form.Forward(x, w);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using autograd.AutogradContext done = ctx;      // or what it saved would stay until it is finalized
        DepthwiseForm form = (DepthwiseForm)ctx.get_data("form");
        List<Tensor> saved = ctx.get_saved_variables();
        using Tensor x = saved[0], w = saved[1];
        return [form.InputGradient(grad_output, w), form.WeightGradient(x, grad_output, w.shape[2]), null!];
    }
}

/// <summary>A DCLS kernel whose gradients are computed by the formulas instead of operation by operation.</summary>
sealed class DrawByHand : autograd.SingleTensorFunction<DrawByHand>
{
    public override string Name => nameof(DrawByHand);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        (Tensor weight, Tensor position, Tensor? sigma, bool scatter, long size) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor?)vars[2], (bool)vars[3], (long)vars[4]);
        ctx.save_for_backward(sigma is null ? [weight, position] : [weight, position, sigma]);
        ctx.save_data("scatter", scatter);
        ctx.save_data("size", size);
        return scatter ? KernelForm.Scattered(weight, position, size) : KernelForm.Separable(weight, position, sigma, size);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        (bool scatter, long size) = ((bool)ctx.get_data("scatter"), (long)ctx.get_data("size"));
        List<Tensor> saved = ctx.get_saved_variables();
        Tensor? sigma = saved.Count > 2 ? saved[2] : null;
        Tensor?[] gradients = scatter ? KernelForm.ScatteredGradients(grad_output, saved[0], saved[1], size)
            : KernelForm.SeparableGradients(grad_output, saved[0], saved[1], sigma, size);
        foreach (Tensor t in saved) t.Dispose();
        ctx.Dispose();
        return [gradients[0]!, gradients[1]!, gradients[2]!, null!, null!];
    }
}
