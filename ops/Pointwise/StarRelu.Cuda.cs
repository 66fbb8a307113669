using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class StarRelu
{
    const int Threads = 256, LeastSlice = 4096, MostSlices = 1024;

    readonly record struct ForwardLaunch(Pointer X, Pointer Scale, Pointer Bias, Pointer Y, int Count);
    readonly record struct BackwardLaunch(Pointer X, Pointer Scale, Pointer Dy, Pointer Dx, Pointer OfScale, Pointer OfBias, int Count, int Slice);

    static readonly CudaModule module = new(typeof(StarRelu), "StarRelu");
    static readonly TypedFunction<ForwardLaunch> forwardElements = module.Typed<ForwardLaunch>("starReluForward");
    static readonly TypedFunction<BackwardLaunch> backwardSlices = module.Typed<BackwardLaunch>("starReluBackward");

    struct ForwardCuda : ICudaKernel<ForwardArgs>
    {
        public static void Run<T>(CudaDevice device, in ForwardArgs a) where T : unmanaged => device.Launch(forwardElements.For<T>(), Workers.Blocks(a.Count, Threads), Threads, new(a.X, a.Scale, a.Bias, a.Y, a.Count));
    }

    struct BackwardCuda : ICudaKernel<BackwardArgs>
    {
        public static void Run<T>(CudaDevice device, in BackwardArgs a) where T : unmanaged
        {
            int slice = Math.Max(LeastSlice, Workers.Blocks(a.Count, MostSlices)), slices = Workers.Blocks(a.Count, slice);
            using Scratch scratch = device.Scratch(2L * slices * sizeof(float));
            Pointer ofScale = Pointer.At(scratch.As<float>()), ofBias = Pointer.At(scratch.As<float>() + slices);
            device.Launch(backwardSlices.For<T>(), slices, Threads, new(a.X, a.Scale, a.Dy, a.Dx, ofScale, ofBias, a.Count, slice));
            Fold<Sum.Plus>.Merge<T>(device, ofScale, slices, 1, a.Ds);
            Fold<Sum.Plus>.Merge<T>(device, ofBias, slices, 1, a.Db);
        }
    }
}
