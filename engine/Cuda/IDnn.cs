namespace MiniTorch.Cuda;

/// <summary>
/// A convolution in the plane, channels last: x [batch, height, width, inputs], y [batch, outHeight, outWidth, outputs], and the weight as libraries want it,
/// [outputs, kernelHeight, kernelWidth, inputs / groups].
/// </summary>
readonly record struct Convolution(int Batch, int Height, int Width, int Inputs, int OutHeight, int OutWidth, int Outputs, int KernelHeight, int KernelWidth)
{
    internal (int H, int W) Stride { get; init; } = (1, 1);
    internal (int H, int W) Padding { get; init; }
    internal (int H, int W) Dilation { get; init; } = (1, 1);
    internal int Groups { get; init; } = 1;
}

/// <summary>What is sought: y, the gradient of x, or the gradient of the weight; from the two others.</summary>
enum Sought { Y, X, Weight }

/// <summary>Convolutions of 32-bit floats or bf16 on a GPU by a library, deterministic, with sums of float32, and its products unless <see cref="CudaDevice.AllowTf32"/>.</summary>
interface IDnn : IDisposable
{
    /// <summary>Whether the library has a way to do it. Where it has none, <see cref="Convolve"/> is an error.</summary>
    bool Takes(Sought sought, DType type, in Convolution convolution);

    /// <summary>
    /// Queues the convolution or one of its gradients, all of the type, overwriting what is sought. <typeparamref name="THost"/> is the caller's own convolution on the CPU, by
    /// which the emulated device serves the call.
    /// </summary>
    void Convolve<THost>(Sought sought, DType type, in Convolution convolution, Pointer x, Pointer weight, Pointer y) where THost : IHostConvolution;
}

/// <summary>A convolution on the CPU, for the emulated device.</summary>
interface IHostConvolution
{
    /// <summary>As <see cref="IDnn.Convolve"/>, but the addresses are the host's, of 32-bit floats, and the weight is [kernelHeight, kernelWidth, inputs / groups, outputs].</summary>
    static abstract void Run(CpuDevice host, Sought sought, in Convolution convolution, Pointer x, Pointer weight, Pointer y);
}
