namespace MiniTorch.Ops;

/// <summary>
/// Convolution over time, where a cell of the kernel is a delay: y[t, b, o] = Σ_d Σᵢ x[t − d, b, i] · K[S − 1 − d, i, o] (+ bias[o]) for delays d of 0 to S − 1 steps. The
/// result is <c>after</c> steps longer than x, which is 0 before its first step and behind its last. Source: Hammouamri et al., arXiv 2306.17670.
/// </summary>
/// <remarks>
/// On the CPU x decides the form, by how much of it is not 0: spikes are few, and then only they are visited (<see cref="DelayEvents"/>); else products of matrices shifted
/// in time. Zeros that are not visited do not meet a kernel that is not finite. A GPU convolves.
/// </remarks>
public sealed unsafe partial class DelayConv : Op
{
    readonly Input x, kernel, bias;
    readonly Saved? savedX, savedKernel;
    readonly int after;

    DelayConv(Tensor x, Tensor kernel, Tensor? bias, int after) : base(x, kernel, bias)
    {
        (this.x, this.kernel, this.bias, this.after) = (x, kernel, bias, after);
        savedX = SaveOptional(kernel.Tracked ? x : null);
        savedKernel = SaveOptional(x.Tracked ? kernel : null);
    }

    /// <summary>x [time, batch, in], kernel [S, in, out], bias [out]: [time + after, batch, out]. After is (S − 1) / 2 unless given, as in the official networks.</summary>
    public static Tensor Of(Tensor x, Tensor kernel, Tensor? bias = null, int? after = null)
    {
        Expect.Real(x);
        Expect.Alike(x, kernel);
        Expect.That(x.Shape.Rank == 3, "x must be [time, batch, in]", x);
        Expect.That(kernel.Shape.Rank == 3 && kernel.Shape[0] > 0 && kernel.Shape[1] == x.Shape[2], $"kernel must be [delays, {x.Shape[2]}, out]", kernel);
        if (bias is not null)
        {
            Expect.Shape(bias, [kernel.Shape[2]]);
            Expect.Alike(x, bias);
        }
        int behind = after ?? (kernel.Shape[0] - 1) / 2;
        if (behind < 0) throw new TensorException($"DelayConv: after must be at least 0 steps, got {behind}");
        Tensor y = Tensor.Like(x, [x.Shape[0] + behind, x.Shape[1], kernel.Shape[2]]);
        forward.Launch(x.Device, x.DType, new(x, kernel, y, bias, x.Shape, kernel.Shape, behind));
        return Tape.Tracks(x, kernel, bias) ? y.From(new DelayConv(x, kernel, bias, behind)) : y;
    }

    /// <summary>dx[t] = Σ_d dy[t + d] · K[S − 1 − d]ᵀ, dK[S − 1 − d] = Σₜ x[t]ᵀ · dy[t + d], dbias = Σ dy.</summary>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        if (gradients.Wants(x))
        {
            Tensor dx = Tensor.Like(dy, x.Shape);
            if (dx.Count > 0) inputGradient.Launch(dy.Device, dy.DType, new(dx, savedKernel, dy, default, x.Shape, kernel.Shape, after));
            gradients.Add(x, dx);
        }
        if (gradients.Wants(kernel))
        {
            Tensor dk = Tensor.Like(dy, kernel.Shape);
            kernelGradient.Launch(dy.Device, dy.DType, new(savedX, dk, dy, default, x.Shape, kernel.Shape, after));
            gradients.Add(kernel, dk);
        }
        if (gradients.Wants(bias)) gradients.Add(bias, Sum.To(bias.Shape, dy));
    }

    /// <summary>Operands of the convolution or of one of its gradients; whichever is sought is written.</summary>
    internal readonly record struct Args(Pointer X, Pointer Kernel, Pointer Y, Pointer Bias, int Time, int Batch, int Inputs, int Outputs, int Delays, int After) : ICost
    {
        internal Args(Pointer x, Pointer kernel, Pointer y, Pointer bias, Shape ofX, Shape ofKernel, int after)
            : this(x, kernel, y, bias, ofX[0], ofX[1], ofX[2], ofKernel[2], ofKernel[0], after) { }

        /// <summary>Steps of y.</summary>
        internal int Steps => Time + After;

        /// <summary>The same convolution over images of one row a step: the sequences are the columns.</summary>
        internal Windows Windows => new(1, Inputs, Axis.None, new(Time, Steps, Delays, 1, Delays - 1, 1), new(Batch, Batch, 1, 1, 0, 1));

        /// <summary>Of all multiply-adds, those with zeros among them: the work of the dense form.</summary>
        public Cost Cost(int size) => Windows.Cost(Outputs, 1, size) with { Shape = $"{Time}x{Batch}x{Inputs} d{Delays} to {Outputs}" };
    }

    static readonly Kernel<Args> forward = Kernel<Args>.OnSingle<ForwardBody, ForwardCuda>("DelayConv.forward");
    static readonly Kernel<Args> inputGradient = Kernel<Args>.OnSingle<InputGradientBody, InputGradientCuda>("DelayConv.inputGradient");
    static readonly Kernel<Args> kernelGradient = Kernel<Args>.OnSingle<KernelGradientBody, KernelGradientCuda>("DelayConv.kernelGradient");
}

/// <summary>x.DelayConv(kernel, …).</summary>
public static class DelayConvExtension
{
    extension(Tensor x)
    {
        /// <summary>Convolution over time of x [time, batch, in] with a kernel [delays, in, out] whose last cell is no delay; see <see cref="Ops.DelayConv"/>.</summary>
        public Tensor DelayConv(Tensor kernel, Tensor? bias = null, int? after = null) => MiniTorch.Ops.DelayConv.Of(x, kernel, bias, after);
    }
}
