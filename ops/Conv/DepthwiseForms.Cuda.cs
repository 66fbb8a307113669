using MiniTorch.Cuda;

namespace MiniTorch.Ops;

/// <remarks>
/// On a GPU there are tensor cores for bf16 and tiles where stride and dilation are 1, a thread for each result, and cuDNN, which takes the weight turned and every channel as a group. The fixed table takes the first of these that
/// takes the operands.
/// </remarks>
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

    /// <summary>All but the addresses, of which it only counts whether tensor cores can read them. Libraries may take TF32 or not.</summary>
    readonly record struct Key(Windows Windows, int Multiplier, bool HasBias, bool IsAligned, bool AllowTf32)
    {
        public override string ToString() => $"{Windows}, {Multiplier} of each{(HasBias ? ", bias" : "")}{(IsAligned ? "" : ", unaligned")}{(AllowTf32 ? ", tf32" : "")}";
    }

    /// <summary>The forms for elements of a type.</summary>
    static class Of<T> where T : unmanaged
    {
        static readonly string type = DTypes.Of<T>().Short();

        internal static readonly Forms<Key, DepthwiseArgs> Forward = new($"DepthwiseConv.forward {type}", new("tensor cores", Matrix), new("tiles", DepthwiseTiles.Forward<T>),
            new("elements", ForwardElements), new("cudnn", static (device, in args) => Library(device, Sought.Y, args)));

        internal static readonly Forms<Key, DepthwiseArgs> InputGradient = new($"DepthwiseConv.inputGradient {type}", new("tensor cores", static (device, in args) => args.IsPlain && Matrix(device, args.Turned())),
            new("tiles", static (device, in args) => args.IsPlain && DepthwiseTiles.Forward<T>(device, args.Turned())), new("elements", InputElements), new("cudnn", static (device, in args) => Library(device, Sought.X, args)));

        internal static readonly Forms<Key, DepthwiseArgs> WeightGradient = new($"DepthwiseConv.weightGradient {type}",
            new("tensor cores", static (device, in args) => typeof(T) == typeof(BFloat16) && DepthwiseMatrix.WeightGradient(device, args)), new("tiles", DepthwiseTiles.WeightGradient<T>),
            new("elements", WeightElements), new("cudnn", static (device, in args) => Library(device, Sought.Weight, args)));

        static bool Matrix(CudaDevice device, in DepthwiseArgs args) => typeof(T) == typeof(BFloat16) && DepthwiseMatrix.Forward(device, args);

        static bool Library(CudaDevice device, Sought sought, in DepthwiseArgs args)
            => ConvKernels.TryLibrary<T>(device, sought, new(args.X, args.Weight, args.Y, args.Bias, args.Windows, args.Outputs, args.Windows.Channels));

        static bool ForwardElements(CudaDevice device, in DepthwiseArgs args)
        {
            device.Launch(forwardElements.For<T>(), Workers.Blocks((long)args.Windows.Batch * args.Windows.Outputs * args.Outputs, Threads), Threads, General(args, args.Y));
            return true;
        }

        static bool InputElements(CudaDevice device, in DepthwiseArgs args)
        {
            device.Launch(inputElements.For<T>(), Workers.Blocks((long)args.Windows.Batch * args.Windows.Inputs * args.Windows.Channels, Threads), Threads, General(args, args.X));
            return true;
        }

        static bool WeightElements(CudaDevice device, in DepthwiseArgs args)
        {
            int pixels = args.Windows.Batch * args.Windows.Outputs, width = args.Windows.Taps * args.Outputs;
            int slicePixels = Workers.Blocks(pixels, Math.Clamp(BusyThreads / width, 1, Math.Max(1, pixels))), slices = pixels == 0 ? 0 : Workers.Blocks(pixels, slicePixels);
            using Scratch scratch = device.Scratch((long)slices * width * sizeof(float));
            Pointer partial = Pointer.At(scratch.As<float>());
            device.Launch(weightElements.For<T>(), slices * Workers.Blocks(width, Threads), Threads, General(args, partial) with { Slices = slices, SlicePixels = slicePixels });
            SumParts<T>(device, args, partial, slices, 0, width);
            return true;
        }
    }

    struct ForwardCuda : ICudaKernel<DepthwiseArgs>
    {
        public static void Run<T>(CudaDevice device, in DepthwiseArgs args) where T : unmanaged => Of<T>.Forward.Launch(device, KeyOf<T>(device, args), args);
    }

    struct InputCuda : ICudaKernel<DepthwiseArgs>
    {
        public static void Run<T>(CudaDevice device, in DepthwiseArgs args) where T : unmanaged => Of<T>.InputGradient.Launch(device, KeyOf<T>(device, args), args);
    }

    struct WeightCuda : ICudaKernel<DepthwiseArgs>
    {
        public static void Run<T>(CudaDevice device, in DepthwiseArgs args) where T : unmanaged => Of<T>.WeightGradient.Launch(device, KeyOf<T>(device, args), args);
    }

    static Key KeyOf<T>(CudaDevice device, in DepthwiseArgs args)
        => new(args.Windows, args.Multiplier, !args.Bias.IsNull, DepthwiseMatrix.IsAligned(args), typeof(T) == typeof(float) && device.AllowTf32);

    static GeneralLaunch General(in DepthwiseArgs args, Pointer result)
        => new(args.X, args.Weight, args.Y, args.Bias, result, args.Windows.Batch, args.Windows.Channels, args.Multiplier, args.Windows.D, args.Windows.H, args.Windows.W, 0, 0);

    /// <summary>Writes the weight of args: sums of parts [count, width] from its element begin on, and 0 elsewhere.</summary>
    internal static void SumParts<T>(CudaDevice device, in DepthwiseArgs args, Pointer parts, int count, int begin, int width) where T : unmanaged
    {
        int all = args.Windows.Taps * args.Outputs;
        device.Launch(sumParts.For<T>(), Workers.Blocks(all, Threads), Threads, new(parts, args.Weight, all, count, begin, width));
    }
}
