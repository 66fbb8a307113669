using MiniTorch.Cuda;

namespace MiniTorch.Ops;

/// <summary>On a GPU the library convolves; it wants the weight turned, [outputs, *kernel, inputs of a group], and knows no bias.</summary>
static unsafe partial class ConvKernels
{
    const int Tile = 32, TileRows = 8;

    readonly record struct TurnLaunch(Pointer From, Pointer To, int Rows, int Columns);

    static readonly CudaModule module = new(typeof(ConvKernels), "Conv");
    static readonly TypedFunction<TurnLaunch> turn = module.Typed<TurnLaunch>("convTurn");

    internal struct ForwardCuda : ICudaKernel<ConvArgs>
    {
        public static void Run<T>(CudaDevice device, in ConvArgs args) where T : unmanaged => Convolve<T>(device, Sought.Y, args);
    }

    internal struct InputGradientCuda : ICudaKernel<ConvArgs>
    {
        public static void Run<T>(CudaDevice device, in ConvArgs args) where T : unmanaged => Convolve<T>(device, Sought.X, args);
    }

    internal struct WeightGradientCuda : ICudaKernel<ConvArgs>
    {
        public static void Run<T>(CudaDevice device, in ConvArgs args) where T : unmanaged => Convolve<T>(device, Sought.Weight, args);
    }

    /// <summary>By the library; where there is none, or it does not know such windows, by products.</summary>
    static void Convolve<T>(CudaDevice device, Sought sought, in ConvArgs args) where T : unmanaged
    {
        if (device.Dnn is { } dnn && ForLibrary(args) is { } convolution) ByLibrary<T>(device, dnn, sought, convolution, args);
        else ConvProducts.Convolve<T>(device, sought, args);
    }

    /// <summary>By the library if it is there and takes it: then true, else nothing is queued.</summary>
    internal static bool TryLibrary<T>(CudaDevice device, Sought sought, in ConvArgs args) where T : unmanaged
    {
        if (device.Dnn is not { } dnn || ForLibrary(args) is not { } convolution || !dnn.Takes(sought, DTypes.Of<T>(), convolution)) return false;
        ByLibrary<T>(device, dnn, sought, convolution, args);
        return true;
    }

    static void ByLibrary<T>(CudaDevice device, IDnn dnn, Sought sought, in Convolution convolution, in ConvArgs args) where T : unmanaged
    {
        using Scratch scratch = device.Scratch((long)args.PatchSize * args.Outputs * sizeof(T));
        Pointer turned = Pointer.At(scratch.As<T>());
        if (sought != Sought.Weight) Turn<T>(device, args.Weight, turned, args.PatchSize, args.Outputs);
        dnn.Convolve<OnHost>(sought, DTypes.Of<T>(), convolution, args.X, turned, args.Y);
        if (sought == Sought.Weight) Turn<T>(device, turned, args.Weight, args.Outputs, args.PatchSize);
        else if (!args.Bias.IsNull && sought == Sought.Y) Gemm.Cuda.AddBias<T>(device, args.Y, args.Bias, args.Windows.Batch * args.Windows.Outputs, args.Outputs);
        else if (!args.Bias.IsNull) Gemm.Cuda.AddBias<T>(device, args.X, args.Bias, args.Windows.Batch * args.Windows.Inputs, args.Windows.Channels);
    }

    /// <summary>What the library calls it; null where it has no name for it.</summary>
    static Convolution? ForLibrary(in ConvArgs args)
    {
        Windows w = args.Windows;
        if (!w.D.IsPoint || w.Batch == 0 || !IsFilled(w.H) || !IsFilled(w.W)) return null;
        return new(w.Batch, w.H.In, w.W.In, w.Channels, w.H.Out, w.W.Out, args.Outputs, w.H.Kernel, w.W.Kernel)
        {
            Stride = (w.H.Stride, w.W.Stride), Padding = (w.H.Padding, w.W.Padding), Dilation = (w.H.Dilation, w.W.Dilation), Groups = args.Groups,
        };
    }

    /// <summary>True if the axis has as many outputs as it has room for windows; a transposed convolution may have more room.</summary>
    static bool IsFilled(Axis a) => (a.In + 2 * a.Padding - (a.Kernel - 1) * a.Dilation - 1) / a.Stride + 1 == a.Out;

    static void Turn<T>(CudaDevice device, Pointer from, Pointer to, int rows, int columns) where T : unmanaged
        => device.Launch(turn.For<T>(), new(Workers.Blocks(columns, Tile), Workers.Blocks(rows, Tile)), new(Tile, TileRows), new(from, to, rows, columns));

    /// <summary>Serves the emulated library.</summary>
    struct OnHost : IHostConvolution
    {
        public static void Run(CpuDevice host, Sought sought, in Convolution c, Pointer x, Pointer weight, Pointer y)
        {
            Axis h = new(c.Height, c.OutHeight, c.KernelHeight, c.Stride.H, c.Padding.H, c.Dilation.H), w = new(c.Width, c.OutWidth, c.KernelWidth, c.Stride.W, c.Padding.W, c.Dilation.W);
            Kernel<ConvArgs> kernel = sought switch { Sought.Y => Forward, Sought.X => InputGradient, _ => WeightGradient };
            kernel.Launch(host, DType.Float32, new(x, weight, y, default, new(c.Batch, c.Inputs, Axis.None, h, w), c.Outputs, c.Groups));
        }
    }
}
