namespace MiniTorch.Ops;

/// <summary>On a GPU the dense convolution of images of one row a step, whose columns are the sequences.</summary>
public sealed unsafe partial class DelayConv
{
    struct ForwardCuda : ISingleCudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args args) => Convolve<ConvKernels.ForwardCuda>(device, args, seeksX: false);
    }

    struct InputGradientCuda : ISingleCudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args args) => Convolve<ConvKernels.InputGradientCuda>(device, args, seeksX: true);
    }

    struct KernelGradientCuda : ISingleCudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args args) => Convolve<ConvKernels.WeightGradientCuda>(device, args, seeksX: false);
    }

    /// <summary>The library pads both ends alike: for it x is copied between the zeros that it needs, Delays − 1 steps before and After behind.</summary>
    static void Convolve<TKernel>(CudaDevice device, in Args a, bool seeksX) where TKernel : struct, ICudaKernel<ConvArgs>
    {
        ConvArgs convolution = new(a.X, a.Kernel, a.Y, a.Bias, a.Windows, a.Outputs, 1);
        if (device.Dnn is null || a.Batch == 0)
        {
            TKernel.Run<float>(device, convolution);
            return;
        }
        long step = (long)a.Batch * a.Inputs * sizeof(float), before = (a.Delays - 1) * step, bytes = a.Time * step, behind = a.After * step;
        using Scratch scratch = device.Scratch(before + bytes + behind);
        nint padded = (nint)scratch.As<byte>(), x = (nint)a.X.As<byte>();
        if (!seeksX)
        {
            device.Clear(padded, before);
            device.Copy(x, padded + (nint)before, bytes);
            device.Clear(padded + (nint)(before + bytes), behind);
        }
        TKernel.Run<float>(device, convolution with { X = Pointer.At((void*)padded), Windows = a.Windows with { H = new(a.Steps + a.Delays - 1, a.Steps, a.Delays, 1, 0, 1) } });
        if (seeksX) device.Copy(padded + (nint)before, x, bytes);
    }
}
