using MiniTorch;
using MiniTorch.Models.Bench;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;
using F = TorchSharp.torch.nn.functional;

namespace Peers;

/// <summary>Depthwise convolution, forward or with both gradients, of maps in the layout of the form.</summary>
sealed class DepthwiseWork : TorchWork
{
    readonly Tensor x, w, dy;
    readonly DepthwiseForm? form;
    readonly bool backward;

    internal DepthwiseWork(Safetensors file, string form, bool backward)
    {
        bool contiguous = form is "official" or "fft";
        (this.form, this.backward) = (DepthwiseForm.Of(form), backward);
        x = Load(file, "x", [0, 3, 1, 2], view: !contiguous);
        dy = Load(file, "dy", [0, 3, 1, 2], view: !contiguous);
        w = Load(file, "w", [3, 2, 0, 1]);
        if (backward && this.form is null) (x.requires_grad, w.requires_grad) = (true, true);
    }

    internal override long OperandBytes => Bytes(x, w, dy);

    internal override void Run()
    {
        if (backward && form is null)
        {
            using Tensor tracked = Convolve();
            Result("y", tracked, 0, 2, 3, 1);
            Tensor[] gradients = Differentiate(tracked, dy, x, w);
            using Tensor ofX = gradients[0], ofW = gradients[1];
            Report(ofX, ofW);
            return;
        }
        using IDisposable off = inference_mode();
        using Tensor y = form is null ? Convolve() : form.Forward(x, w);
        Result("y", y, 0, 2, 3, 1);
        if (!backward) return;
        using Tensor dx = form!.InputGradient(dy, w), dw = form.WeightGradient(x, dy, w.shape[2]);
        Report(dx, dw);
    }

    void Report(Tensor dx, Tensor dw)
    {
        Result("dx", dx, 0, 2, 3, 1);
        Result("dw", dw, 2, 3, 1, 0);
    }

    Tensor Convolve() => F.conv2d(x, w, padding: [w.shape[2] / 2, w.shape[2] / 2], groups: x.shape[1]);

    public override void Dispose()
    {
        foreach (Tensor t in (ReadOnlySpan<Tensor>)[x, w, dy]) t.Dispose();
    }
}

/// <summary>DCLS kernels drawn and differentiated; or drawn and convolved, with or without the gradients.</summary>
sealed class DclsWork : TorchWork
{
    readonly Tensor weight, position, dKernel;
    readonly Tensor? sigma, x, dy;
    readonly DclsForm form;
    readonly bool backward;

    internal DclsWork(Safetensors file, Sizes s, string form, bool backward)
    {
        this.backward = backward;
        this.form = new(form, s['C'], s['k'], s['n']);
        weight = Load(file, "weight", [2, 1, 0]);
        position = Load(file, "P", [0, 3, 2, 1]);
        sigma = file.Tensors.ContainsKey("SIG") ? Load(file, "SIG", [0, 3, 2, 1]) : null;
        dKernel = Load(file, "dkernel", [3, 2, 0, 1]);
        if (s.Find('N') is not null)
        {
            x = Load(file, "x", [0, 3, 1, 2], view: !this.form.IsContiguous);
            dy = Load(file, "dy", [0, 3, 1, 2], view: !this.form.IsContiguous);
        }
        if (!backward) return;
        foreach (Tensor? t in (ReadOnlySpan<Tensor?>)[weight, position, sigma, x])
            if (t is not null) t.requires_grad = true;
    }

    internal override long OperandBytes => Bytes(weight, position, sigma, dKernel, x, dy);

    internal override void Run()
    {
        using IDisposable? off = backward ? null : inference_mode();
        using Tensor kernel = form.Draw(weight, position, sigma);
        Result("kernel", kernel, 2, 3, 1, 0);
        using Tensor? y = x is null ? null : form.Convolve(x, kernel);
        Result("y", y, 0, 2, 3, 1);
        if (!backward) return;
        Tensor[] leaves = [.. new[] { weight, position, sigma, x }.OfType<Tensor>()];
        Tensor[] gradients = y is null ? Differentiate(kernel, dKernel, leaves) : Differentiate(y, dy!, leaves);
        Result("dweight", gradients[0], 2, 1, 0);
        Result("dP", gradients[1], 0, 3, 2, 1);
        if (sigma is not null) Result("dSIG", gradients[2], 0, 3, 2, 1);
        if (x is not null) Result("dx", gradients[^1], 0, 2, 3, 1);
        foreach (Tensor g in gradients) g.Dispose();
    }

    public override void Dispose()
    {
        foreach (Tensor? t in (ReadOnlySpan<Tensor?>)[weight, position, sigma, dKernel, x, dy]) t?.Dispose();
        form.Dispose();
    }
}

/// <summary>
/// A product of a linear layer. libtorch stores the weight (out, in) and its gradient likewise: that is the official form; "mm" has both the other way round.
/// </summary>
sealed class GemmWork : TorchWork
{
    readonly Tensor a, b;
    readonly string name;
    readonly bool transposed;

    internal GemmWork(Safetensors file, string name, string form)
    {
        (this.name, transposed) = (name, form == "mm");
        // The other side has weights [in, out]: of a forward product b is one, of an input gradient b is one read as its transpose.
        a = Load(file, "a");
        b = Load(file, "b", name != "gemm_dw" && !transposed ? [1, 0] : [0, 1]);
    }

    internal override long OperandBytes => Bytes(a, b);

    internal override void Run()
    {
        using IDisposable off = inference_mode();
        switch (name, transposed)
        {
            case ("gemm", false): Forward(F.linear(a, b)); break;
            case ("gemm", true): Forward(a.mm(b)); break;
            case ("gemm_dx", false): Forward(a.mm(b)); break;
            case ("gemm_dx", true): ByTranspose(a, b, turned: false); break;
            case (_, false): Turned(b, a); break;
            default: Turned(a, b, straight: true); break;
        }
    }

    void Forward(Tensor c)
    {
        Result("c", c);
        c.Dispose();
    }

    void ByTranspose(Tensor x, Tensor w, bool turned)
    {
        using Tensor other = w.t(), c = x.mm(other);
        if (turned) Result("c", c, 1, 0);
        else Result("c", c);
    }

    /// <summary>leftᵀ · right; the weight's gradient (out, in) unless the form has it the other way round.</summary>
    void Turned(Tensor left, Tensor right, bool straight = false)
    {
        using Tensor other = left.t(), c = other.mm(right);
        if (straight) Result("c", c);
        else Result("c", c, 1, 0);
    }

    public override void Dispose()
    {
        a.Dispose();
        b.Dispose();
    }
}

/// <summary>GELU or layer normalisation with gradients.</summary>
sealed class RowsWork : TorchWork
{
    const double Epsilon = 1e-6;

    readonly Tensor x, dy;
    readonly Tensor? gamma, beta;
    readonly bool channelsFirst;

    internal RowsWork(Safetensors file, string form, bool norm)
    {
        channelsFirst = norm && form == "official";
        x = channelsFirst ? Load(file, "x", [0, 3, 1, 2]) : Load(file, "x");
        dy = Load(file, "dy");
        x.requires_grad = true;
        if (!norm) return;
        (gamma, beta) = (Load(file, "gamma"), Load(file, "beta"));
        (gamma.requires_grad, beta.requires_grad) = (true, true);
    }

    internal override long OperandBytes => Bytes(x, dy, gamma, beta);

    /// <summary>The norm of a block comes after a permutation of maps (n, c, h, w): a copy if they are so in memory, nothing if they are channels last.</summary>
    internal override void Run()
    {
        using Tensor last = channelsFirst ? x.permute(0, 2, 3, 1) : x.alias();
        using Tensor y = gamma is null ? F.gelu(last) : F.layer_norm(last, [last.shape[^1]], gamma, beta, Epsilon);
        Result("y", y);
        Tensor[] gradients = gamma is null ? Differentiate(y, dy, x) : Differentiate(y, dy, x, gamma, beta!);
        Result("dx", gradients[0], channelsFirst ? [0, 2, 3, 1] : []);
        if (gamma is not null)
        {
            Result("dgamma", gradients[1]);
            Result("dbeta", gradients[2]);
        }
        foreach (Tensor g in gradients) g.Dispose();
    }

    public override void Dispose()
    {
        foreach (Tensor? t in (ReadOnlySpan<Tensor?>)[x, dy, gamma, beta]) t?.Dispose();
    }
}
