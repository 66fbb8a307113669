using MiniTorch.Cuda;

namespace MiniTorch.Ops;

/// <summary>What one kernel is drawn from, or differentiated, by the device code of DclsKernel.h.</summary>
readonly record struct DclsLaunch(Pointer Weight, Pointer Position, Pointer Sigma, Pointer Kernel, Pointer DWeight, Pointer DPosition, Pointer DSigma, int Planes, int Channels, int Count,
    DclsLaunchAxis Depth, DclsLaunchAxis Height, DclsLaunchAxis Width, float NarrowestSigma, float Negligible, int Blocks, int Together, int Lines);

/// <summary>An axis of the window, the row of P that drives it, or -1, and where P = 0 lies.</summary>
readonly record struct DclsLaunchAxis(int Size, int Row, float Centre);

public sealed unsafe partial class DclsKernel<F>
{
    const int WarpSize = 32, BlockChannels = 8, WarpGroups = WarpSize / BlockChannels, Segment = 6, DrawWarps = 16, DifferentiateWarps = 4, ProfileBytes = 48 << 10;

    static readonly CudaModule module = new(typeof(F), $"Dcls{typeof(F).Name}");
    static readonly CudaFunction<DclsLaunch> drawCells = module.Function<DclsLaunch>($"dcls{typeof(F).Name}Draw");
    static readonly CudaFunction<DclsLaunch> differentiateTaps = module.Function<DclsLaunch>($"dcls{typeof(F).Name}Differentiate");

    struct DrawCuda : ICudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args a)
        {
            int across = Workers.Blocks(a.Size[2], Segment), segments = a.Size[0] * a.Size[1] * across;
            int lines = a.Size[0] + a.Size[1] + across * Segment | 1, tap = lines * BlockChannels * sizeof(float);           // odd: profiles of four taps then lie in different banks
            int blocks = Workers.Blocks(segments, DrawWarps * WarpGroups), warps = Workers.Blocks(Workers.Blocks(segments, blocks), WarpGroups);
            int together = Math.Max(1, Math.Min(ProfileBytes / tap, a.Count));
            ExpectRoom(device, together * tap, a);
            device.Launch(drawCells, Grid(a, blocks), new(WarpSize, warps), Launch(a) with { Blocks = blocks, Together = together, Lines = lines }, together * tap);
        }
    }

    struct DifferentiateCuda : ICudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args a)
        {
            int warp = (a.Lines + Math.Max(a.Size[0], Math.Max(a.Size[1], a.Size[2]))) * WarpSize * sizeof(float);
            ExpectRoom(device, warp, a);
            int taps = Workers.Blocks(a.Count, WarpGroups), most = Math.Min(DifferentiateWarps, device.Properties.SharedPerBlockAtMost / warp);
            int blocks = Workers.Blocks(taps, most), warps = Workers.Blocks(taps, Math.Max(1, blocks));
            device.Launch(differentiateTaps, Grid(a, blocks), new(WarpSize, warps), Launch(a) with { Blocks = blocks }, warps * warp);
        }
    }

    static int Grid(in Args a, int blocks) => a.Planes * Workers.Blocks(a.Channels, BlockChannels) * blocks;

    static DclsLaunch Launch(in Args a) => new(a.Weight, a.Position, a.Sigma, a.Kernel, a.DWeight, a.DPosition, a.DSigma, a.Planes, a.Channels, a.Count,
        AxisOf(a, 0), AxisOf(a, 1), AxisOf(a, 2), (float)a.NarrowestSigma, (float)(a.NarrowestSigma * Negligible), 0, 0, 0);

    static DclsLaunchAxis AxisOf(in Args a, int axis) => new(a.Size[axis], a.Row[axis], (float)a.Centre[axis]);

    static void ExpectRoom(CudaDevice device, int bytes, in Args a)
    {
        int most = device.Properties.SharedPerBlockAtMost;
        if (bytes > most) throw new TensorException($"DclsKernel: the profiles of a tap in a window of {a.Size[0]}x{a.Size[1]}x{a.Size[2]} "
            + $"take {bytes} bytes of shared memory, {device} has {most}; use a smaller window");
    }
}
