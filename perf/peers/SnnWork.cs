using MiniTorch;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;
using F = TorchSharp.torch.nn.functional;

namespace Peers;

/// <summary>
/// The spiking network with learned delays: logits with Gaussian or with rounded kernels, or a training step. Kernels of single taps are drawn as published, and neurons are a loop over
/// time. Forms of the convolution over time: official, as published; channels_last, of images one pixel wide; products, one for each delay and shifted in time; windows, one product with
/// all delays side by side.
/// </summary>
sealed class SnnWork : NetworkWork
{
    const double Tau = 1.005, Narrowest = 0.27, Guard = 1e-7, BatchNormEpsilon = 1e-5, Momentum = 0.1;

    readonly Dictionary<string, Tensor> tensors;
    readonly string form;
    readonly long size;
    readonly bool rounded;

    internal static IReadOnlyList<string> Forms { get; } = ["official", "channels_last", "products", "windows"];

    internal SnnWork(Safetensors file, string name, long size, string form)
        : this(file, name, size, form, file.Tensors.Keys.Where(static k => k.StartsWith("model.", StringComparison.Ordinal)).ToDictionary(static k => k, k => Load(file, k))) { }

    SnnWork(Safetensors file, string name, long size, string form, Dictionary<string, Tensor> tensors)
        : base(file, name, Load(file, "spikes"), tensors, IsLearned, positionRate: 100, decoupled: false, limit: size / 2, whole: true)
        => (this.size, this.form, this.tensors, rounded) = (size, form, tensors, name == "snn_delays_rounded_forward");

    static bool IsLearned(string name) => !name.Contains(".running_", StringComparison.Ordinal) && !name.EndsWith(".SIG", StringComparison.Ordinal);

    /// <summary>Layers are "model.0", "model.4" and so on, with norm, neurons and dropout between; the last has neither norm nor threshold.</summary>
    protected override Tensor Forward(Tensor input)
    {
        using IDisposable scope = NewDisposeScope();
        Tensor x = input.permute(1, 0, 2);
        for (int layer = 0; ; layer += 4)
        {
            bool last = !tensors.ContainsKey($"model.{layer + 4}.weight");
            x = Convolve(x, Kernel($"model.{layer}"));
            if (last) return softmax(Neurons(x, fires: false), 2).sum([0L]).MoveToOuterDisposeScope();
            string norm = $"model.{layer + 1}.";
            Tensor flat = x.flatten(0, 1);
            flat = F.batch_norm(flat, tensors[norm + "running_mean"], tensors[norm + "running_var"], tensors[norm + "weight"], tensors[norm + "bias"], IsTraining, Momentum, BatchNormEpsilon);
            x = Neurons(flat.view(x.shape), fires: true);
        }
    }

    /// <summary>(out, in, time), drawn as published: a Gaussian of every tap, or at whole positions a triangle one cell wide.</summary>
    Tensor Kernel(string name)
    {
        Tensor weight = tensors[name + ".weight"].squeeze(-1).unsqueeze(-1), position = tensors[name + ".P"].squeeze(-1).squeeze(0).unsqueeze(-1);
        Tensor cells = arange(size, dtype: ScalarType.Float32) - size / 2;
        Tensor bump = rounded ? (1 - (cells - position.round().clamp(-(size / 2), size / 2)).abs()).clamp_min(0)
            : ((cells - position) / (tensors[name + ".SIG"].squeeze(-1).squeeze(0).unsqueeze(-1).abs() + Narrowest)).square().mul(-0.5).exp();
        return bump / (bump.sum(-1, keepdim: true) + Guard) * weight;
    }

    /// <summary>x (time, batch, in) with S − 1 steps of padding before and (S − 1) / 2 behind.</summary>
    Tensor Convolve(Tensor x, Tensor kernel)
    {
        Tensor padded = F.pad(x, [0, 0, 0, 0, size - 1, (size - 1) / 2]);
        return form switch
        {
            "official" => F.conv1d(padded.permute(1, 2, 0).contiguous(), kernel).permute(2, 0, 1),
            "channels_last" => F.conv2d(padded.permute(1, 0, 2).contiguous().permute(0, 2, 1).unsqueeze(-1), kernel.unsqueeze(-1)).squeeze(-1).permute(2, 0, 1),
            _ => is_grad_enabled() ? DelaysByHand.apply(padded, kernel, form == "windows") : DelaysByHand.Forward(padded, kernel, form == "windows"),
        };
    }

    /// <summary>Spikes, or the membranes of neurons that never fire.</summary>
    static Tensor Neurons(Tensor x, bool fires)
    {
        Tensor[] steps = [.. x.unbind(0)];
        Tensor[] results = new Tensor[steps.Length];
        Tensor? v = null;
        for (int t = 0; t < steps.Length; t++)
        {
            v = v is null ? steps[t] : v - v / Tau + steps[t];
            if (!fires)
            {
                results[t] = v;
                continue;
            }
            Tensor spike = is_grad_enabled() ? SpikeByHand.apply(v - 1) : v.ge(1).to_type(ScalarType.Float32);
            results[t] = spike;
            v = v * (1 - spike.detach());
        }
        return stack(results);
    }
}

/// <summary>A spike with the slope of ATan of α = 5.</summary>
sealed class SpikeByHand : autograd.SingleTensorFunction<SpikeByHand>
{
    const double Alpha = 5;

    public override string Name => nameof(SpikeByHand);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        Tensor x = (Tensor)vars[0];
        ctx.save_for_backward([x]);
        return x.ge(0).to_type(ScalarType.Float32);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using autograd.AutogradContext done = ctx;
        using Tensor x = ctx.get_saved_variables()[0], scaled = x * (Math.PI / 2 * Alpha), square = scaled.pow_(2), width = square.add_(1), slope = width.reciprocal_();
        return [slope.mul_(Alpha / 2).mul(grad_output)];
    }
}

/// <summary>Convolution over time of padded x (time, batch, in) by products.</summary>
sealed class DelaysByHand : autograd.SingleTensorFunction<DelaysByHand>
{
    public override string Name => nameof(DelaysByHand);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        (Tensor x, Tensor kernel, bool windows) = ((Tensor)vars[0], (Tensor)vars[1], (bool)vars[2]);
        ctx.save_for_backward([x, kernel]);
        ctx.save_data("windows", windows);
        return Forward(x, kernel, windows);
    }

    /// <summary>kernel (out, in, S).</summary>
    internal static Tensor Forward(Tensor x, Tensor kernel, bool windows)
    {
        (long size, long batch, long inputs, long outputs, long steps) = (kernel.shape[2], x.shape[1], x.shape[2], kernel.shape[0], x.shape[0] - kernel.shape[2] + 1);
        using Tensor cells = kernel.permute(2, 1, 0).contiguous();
        if (windows)
        {
            using Tensor side = Windows(x, size), flat = cells.reshape(size * inputs, outputs), y = side.mm(flat);
            return y.view(steps, batch, outputs).alias();
        }
        using Tensor rows = x.reshape(-1, inputs), sum = zeros(steps * batch, outputs);
        for (long cell = 0; cell < size; cell++)
        {
            using Tensor some = rows.narrow(0, cell * batch, steps * batch), k = cells.select(0, cell);
            sum.addmm_(some, k, 1, 1);
        }
        return sum.view(steps, batch, outputs).alias();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using autograd.AutogradContext done = ctx;
        bool windows = (bool)ctx.get_data("windows");
        List<Tensor> saved = ctx.get_saved_variables();
        using Tensor x = saved[0], kernel = saved[1], cells = kernel.permute(2, 0, 1).contiguous(), dense = grad_output.contiguous(), dy = dense.reshape(-1, grad_output.shape[2]);
        (long size, long batch, long inputs, long outputs, long steps) = (kernel.shape[2], x.shape[1], x.shape[2], kernel.shape[0], grad_output.shape[0]);
        using Tensor rows = x.reshape(-1, inputs);
        Tensor dx = zeros(x.shape), dk;
        using (Tensor flat = dx.view(-1, inputs))
            for (long cell = 0; cell < size; cell++)
            {
                using Tensor some = flat.narrow(0, cell * batch, steps * batch), k = cells.select(0, cell);
                some.addmm_(dy, k, 1, 1);
            }
        if (windows)
        {
            using Tensor side = Windows(x, size), turned = side.t(), flat = turned.mm(dy), shaped = flat.view(size, inputs, outputs);
            dk = shaped.permute(2, 1, 0).contiguous();
        }
        else
        {
            using Tensor all = empty(size, inputs, outputs);
            for (long cell = 0; cell < size; cell++)
            {
                using Tensor some = rows.narrow(0, cell * batch, steps * batch), turned = some.t(), k = turned.mm(dy), to = all.select(0, cell);
                to.copy_(k);
            }
            dk = all.permute(2, 1, 0).contiguous();
        }
        return [dx, dk, null!];
    }

    /// <summary>(steps · batch, S · in): what each step of a sequence sees, side by side.</summary>
    static Tensor Windows(Tensor x, long size)
    {
        (long steps, long batch, long inputs) = (x.shape[0] - size + 1, x.shape[1], x.shape[2]);
        using Tensor view = x.as_strided([steps, batch, size, inputs], [batch * inputs, inputs, batch * inputs, 1]);
        return view.reshape(steps * batch, size * inputs);
    }
}
