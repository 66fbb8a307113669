using MiniTorch.Ops;

namespace MiniTorch.Models.Bench;

/// <summary>Depthwise convolution of "N8 C96 H56 k17" maps that keeps their size, forward or with both gradients.</summary>
sealed class DepthwiseWorkload : Workload
{
    readonly Tensor x, w, dy;
    readonly int channels, padding;
    readonly bool backward;

    internal DepthwiseWorkload(Device device, Sizes s, bool backward, DType type = DType.Float32) : base(device, type)
    {
        (channels, padding, this.backward) = (s['C'], s['k'] / 2, backward);
        x = Normal("x", [s['N'], s['H'], s['H'], channels]);
        w = Normal("w", [s['k'], s['k'], 1, channels], 0.1);
        dy = Normal("dy", x.Shape);
    }

    internal override void Run()
    {
        using Step step = Step.Begin();
        Tensor y = backward ? Leaf("x", x).Conv(Leaf("w", w), padding: [padding], groups: channels) : x.Conv(w, padding: [padding], groups: channels);
        Result("y", y);
        if (backward) y.Backward(dy);
    }
}

/// <summary>Kernels "C768 k17 n34" of taps spread over the window: drawn and differentiated, or drawn and convolved ("N8 H56" beside) with or without the gradients.</summary>
sealed class DclsWorkload : Workload
{
    readonly Interpolation version;
    readonly Tensor weight, position, dKernel;
    readonly Tensor? sigma, x, dy;
    readonly int channels, size;
    readonly bool backward;

    internal DclsWorkload(Device device, Sizes s, Interpolation version, bool backward, DType type = DType.Float32) : base(device, type)
    {
        (this.version, channels, size, this.backward) = (version, s['C'], s['k'], backward);
        Shape taps = [s['n'], 1, channels], positions = [2, s['n'], 1, channels];
        weight = Normal("weight", taps, kind: DType.Float32);
        position = Uniform("P", positions, size / 2);
        sigma = version.HasSigma ? Uniform("SIG", positions, 1) : null;
        dKernel = Normal("dkernel", [size, size, 1, channels], kind: DType.Float32);
        if (s.Find('N') is not { } n) return;
        x = Normal("x", [n, s['H'], s['H'], channels]);
        dy = Normal("dy", x.Shape);
    }

    internal override void Run()
    {
        using Step step = Step.Begin();
        Tensor kernel = backward ? version.Draw(Leaf("weight", weight), Leaf("P", position), sigma is null ? null : Leaf("SIG", sigma), [size, size])
            : version.Draw(weight, position, sigma, [size, size]);
        Result("kernel", kernel);
        if (x is null)
        {
            if (backward) kernel.Backward(dKernel);
            return;
        }
        Tensor y = (backward ? Leaf("x", x) : x).Conv(kernel.To(Type), padding: [size / 2], groups: channels);
        Result("y", y);
        if (backward) y.Backward(dy);
    }
}

/// <summary>
/// C [m, n] = A · B for "m x k x n" as a linear layer needs it: forward x · W; the gradient dy · Wᵀ of its input, with W stored [n, k]; the gradient xᵀ · dy of its weight,
/// with x stored [k, m].
/// </summary>
sealed class GemmWorkload : Workload
{
    readonly GemmForm form;
    readonly Tensor a, b, c;
    readonly int m, n, k;

    internal GemmWorkload(Device device, Sizes s, GemmForm form, DType type = DType.Float32) : base(device, type)
    {
        this.form = form;
        (m, k, n) = s.Extents() is [int rows, int inner, int columns] ? (rows, inner, columns) : throw new FormatException($"a product is m x k x n, got {s}");
        a = Normal("a", form == GemmForm.WeightGradient ? [k, m] : [m, k]);
        b = Normal("b", form == GemmForm.InputGradient ? [n, k] : [k, n]);
        c = Tensor.Lasting([m, n], type, device);
    }

    internal override void Run()
    {
        Gemm.Product.Launch(Device, Type, new(a, b, c, m, n, k, TransposeA: form == GemmForm.WeightGradient, TransposeB: form == GemmForm.InputGradient));
        Result("c", c);
    }

    public override void Dispose()
    {
        base.Dispose();
        c.Free();
    }
}

/// <summary>Which product of a linear layer.</summary>
enum GemmForm { Forward, InputGradient, WeightGradient }

/// <summary>GELU or layer normalisation of "8x56x56x96", with gradients.</summary>
sealed class RowsWorkload : Workload
{
    const double Epsilon = 1e-6;

    readonly Tensor x, dy;
    readonly Tensor? gamma, beta;

    internal RowsWorkload(Device device, Sizes s, bool norm, DType type = DType.Float32) : base(device, type)
    {
        x = Normal("x", Shape.Create(s.Extents()));
        dy = Normal("dy", x.Shape);
        if (norm) (gamma, beta) = (Normal("gamma", [x.Shape[^1]]), Normal("beta", [x.Shape[^1]]));
    }

    internal override void Run()
    {
        using Step step = Step.Begin();
        Tensor leaf = Leaf("x", x);
        Tensor y = gamma is null ? leaf.Gelu() : leaf.LayerNorm(Leaf("gamma", gamma), Leaf("beta", beta!), Epsilon);
        Result("y", y);
        y.Backward(dy);
    }
}

/// <summary>GELU(x · W + b) of "25088x96x384", rows by inputs by outputs, with all gradients.</summary>
sealed class ActivationWorkload : Workload
{
    readonly Tensor x, w, b, dy;

    internal ActivationWorkload(Device device, Sizes s, DType type) : base(device, type)
    {
        (int rows, int inputs, int outputs) = s.Extents() is [int r, int i, int o] ? (r, i, o) : throw new FormatException($"rows, inputs and outputs are wanted, got {s}");
        (x, w, b, dy) = (Normal("x", [rows, inputs]), Normal("w", [inputs, outputs], 0.1), Normal("b", [outputs]), Normal("dy", [rows, outputs]));
    }

    internal override void Run()
    {
        using Step step = Step.Begin();
        Tensor y = Leaf("x", x).LinearGelu(Leaf("w", w), Leaf("b", b));
        Result("y", y);
        y.Backward(dy);
    }
}
