using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>What parts of the images give to the gradient of depthwise kernels, [part, tap, channel]: added in order, so that the sum does not depend on the threads.</summary>
static unsafe class KernelParts
{
    readonly record struct Args(Pointer Parts, Pointer Weight, int Count, int Taps, int Channels);

    internal static long Bytes<T>(int parts, in DepthwiseArgs args) where T : unmanaged => (long)parts * args.Windows.Taps * args.Windows.Channels * sizeof(T);

    /// <summary>Writes the weight of <paramref name="args"/>.</summary>
    internal static void Add<T, V>(CpuDevice device, in DepthwiseArgs args, Pointer parts, int count) where T : unmanaged where V : struct, ILanes<V, T>
        => device.Workers.For(args.Windows.Taps, new Args(parts, args.Weight, count, args.Windows.Taps, args.Windows.Channels), &Tap<T, V>);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Tap<T, V>(in Args args, int tap) where T : unmanaged where V : struct, ILanes<V, T>
    {
        int channels = args.Channels;
        T* to = args.Weight.As<T>() + (long)tap * channels, from = args.Parts.As<T>() + (long)tap * channels;
        for (int c = 0; c < channels; c += V.Count)
        {
            int lanes = Math.Min(V.Count, channels - c);
            V sum = Lanes.Read<V, T>(from + c, lanes);
            for (int part = 1; part < args.Count; part++) sum += Lanes.Read<V, T>(from + (long)part * args.Taps * channels + c, lanes);
            Lanes.Write<V, T>(sum, to + c, lanes);
        }
    }
}
