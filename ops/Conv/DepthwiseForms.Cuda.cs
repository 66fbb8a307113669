using MiniTorch.Cuda;

namespace MiniTorch.Ops;

/// <remarks>On a GPU there are three forms: tensor cores for bf16 and tiles where stride and dilation are 1, and a thread for each result.</remarks>
static unsafe partial class DepthwiseForms
{
    const int Threads = 256, BusyThreads = 1 << 17;     // enough of these occupy a large GPU

    readonly record struct GeneralLaunch(Pointer X, Pointer Weight, Pointer Y, Pointer Bias, Pointer Result, int Batch, int Channels, int Multiplier, Axis D, Axis H, Axis W, int Slices, int SlicePixels);
    readonly record struct SumLaunch(Pointer Parts, Pointer Weight, int Count, int PartCount, int Begin, int Width);

    static readonly CudaModule module = new(typeof(DepthwiseForms), "Depthwise");
    static readonly TypedFunction<GeneralLaunch> forwardElements = module.Typed<GeneralLaunch>("depthwiseForward");
    static readonly TypedFunction<GeneralLaunch> inputElements = module.Typed<GeneralLaunch>("depthwiseInput");
    static readonly TypedFunction<GeneralLaunch> weightElements = module.Typed<GeneralLaunch>("depthwiseWeight");
    static readonly TypedFunction<SumLaunch> sumParts = module.Typed<SumLaunch>("depthwiseSum");

    struct ForwardCuda : ICudaKernel<DepthwiseArgs>
    {
        public static void Run<T>(CudaDevice device, in DepthwiseArgs args) where T : unmanaged
        {
            if (Plain<T>(device, args)) return;
            device.Launch(forwardElements.For<T>(), Workers.Blocks((long)args.Windows.Batch * args.Windows.Outputs * args.Outputs, Threads), Threads, General(args, args.Y));
        }
    }

    struct InputCuda : ICudaKernel<DepthwiseArgs>
    {
        public static void Run<T>(CudaDevice device, in DepthwiseArgs args) where T : unmanaged
        {
            if (args.IsPlain && Plain<T>(device, args.Turned())) return;
            device.Launch(inputElements.For<T>(), Workers.Blocks((long)args.Windows.Batch * args.Windows.Inputs * args.Windows.Channels, Threads), Threads, General(args, args.X));
        }
    }

    struct WeightCuda : ICudaKernel<DepthwiseArgs>
    {
        public static void Run<T>(CudaDevice device, in DepthwiseArgs args) where T : unmanaged
        {
            if (typeof(T) == typeof(BFloat16) && DepthwiseMatrix.WeightGradient(device, args) || DepthwiseTiles.WeightGradient<T>(device, args)) return;
            int pixels = args.Windows.Batch * args.Windows.Outputs, width = args.Windows.Taps * args.Outputs;
            int slicePixels = Workers.Blocks(pixels, Math.Clamp(BusyThreads / width, 1, Math.Max(1, pixels))), slices = pixels == 0 ? 0 : Workers.Blocks(pixels, slicePixels);
            using Scratch scratch = device.Scratch((long)slices * width * sizeof(float));
            Pointer partial = Pointer.At(scratch.As<float>());
            device.Launch(weightElements.For<T>(), slices * Workers.Blocks(width, Threads), Threads, General(args, partial) with { Slices = slices, SlicePixels = slicePixels });
            SumParts<T>(device, args, partial, slices, 0, width);
        }
    }

    /// <summary>By tensor cores or by tiles; false where neither takes the shapes.</summary>
    static bool Plain<T>(CudaDevice device, in DepthwiseArgs args) where T : unmanaged => typeof(T) == typeof(BFloat16) && DepthwiseMatrix.Forward(device, args) || DepthwiseTiles.Forward<T>(device, args);

    static GeneralLaunch General(in DepthwiseArgs args, Pointer result)
        => new(args.X, args.Weight, args.Y, args.Bias, result, args.Windows.Batch, args.Windows.Channels, args.Multiplier, args.Windows.D, args.Windows.H, args.Windows.W, 0, 0);

    /// <summary>Writes the weight of args: sums of parts [count, width] from its element begin on, and 0 elsewhere.</summary>
    internal static void SumParts<T>(CudaDevice device, in DepthwiseArgs args, Pointer parts, int count, int begin, int width) where T : unmanaged
    {
        int all = args.Windows.Taps * args.Outputs;
        device.Launch(sumParts.For<T>(), Workers.Blocks(all, Threads), Threads, new(parts, args.Weight, all, count, begin, width));
    }
}
