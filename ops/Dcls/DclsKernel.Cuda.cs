using System.Runtime.CompilerServices;
using MiniTorch.Cuda;

namespace MiniTorch.Ops;

/// <summary>What kernels of many layers are drawn from, or differentiated, by the device code of DclsKernel.h. By value: so nothing is copied to the device for it.</summary>
struct DclsLaunch
{
    internal const int MostLayers = 48, MostForms = 8;         // of a record that PTX before 8.1 can take by value

    internal int Layers;
    internal All Layer;
    internal Shapes Form;

    [InlineArray(MostLayers)] internal struct All { DclsLaunchLayer first; }

    [InlineArray(MostForms)] internal struct Shapes { DclsLaunchForm first; }
}

/// <summary>A layer: its tensors, the place of its form, and its first block.</summary>
readonly record struct DclsLaunchLayer(Pointer Weight, Pointer Position, Pointer Sigma, Pointer Kernel, Pointer DWeight, Pointer DPosition, Pointer DSigma, int Channels, int Form, int FirstBlock);

/// <summary>What layers may have in common, and how they are cut into blocks.</summary>
readonly record struct DclsLaunchForm(int Planes, int Count, DclsLaunchAxis Depth, DclsLaunchAxis Height, DclsLaunchAxis Width, float NarrowestSigma, float Negligible, int Blocks, int Together, int Lines);

/// <summary>An axis of the window, the row of P that drives it, or -1, and where P = 0 lies.</summary>
readonly record struct DclsLaunchAxis(int Size, int Row, float Centre);

public sealed unsafe partial class DclsKernel<F>
{
    const int WarpSize = 32, BlockChannels = 8, WarpGroups = WarpSize / BlockChannels, Segment = 6, DrawWarps = 16, DifferentiateWarps = 4, ProfileBytes = 48 << 10;

    static readonly CudaModule module = new(typeof(F), $"Dcls{typeof(F).Name}");
    static readonly CudaFunction<DclsLaunch> drawCells = module.Function<DclsLaunch>($"dcls{typeof(F).Name}Draw");
    static readonly CudaFunction<DclsLaunch> differentiateTaps = module.Function<DclsLaunch>($"dcls{typeof(F).Name}Differentiate");

    struct DrawCuda : ISingleCudaKernel<Batch>
    {
        public static void Run(CudaDevice device, in Batch batch)
        {
            int warps = 1, shared = 0;
            for (int i = 0; i < batch.Count; i++)
            {
                ref readonly Args a = ref batch[i];
                int segments = Segments(a), blocks = Workers.Blocks(segments, DrawWarps * WarpGroups), bytes = Together(a) * TapBytes(a);
                ExpectRoom(device, bytes, a);
                (warps, shared) = (Math.Max(warps, Workers.Blocks(Workers.Blocks(segments, blocks), WarpGroups)), Math.Max(shared, bytes));
            }
            Launch(device, drawCells, batch, warps, shared, static (in Args a, int warps) => Form(a) with { Blocks = Workers.Blocks(Segments(a), warps * WarpGroups), Together = Together(a), Lines = LinesOf(a) });
        }

        static int Across(in Args a) => Workers.Blocks(a.Size[2], Segment);

        static int Segments(in Args a) => a.Size[0] * a.Size[1] * Across(a);

        /// <summary>Words of a tap's profiles for a channel. Odd: those of four taps then lie in different banks.</summary>
        static int LinesOf(in Args a) => a.Size[0] + a.Size[1] + Across(a) * Segment | 1;

        static int TapBytes(in Args a) => LinesOf(a) * BlockChannels * sizeof(float);

        /// <summary>Taps whose profiles lie in shared memory together.</summary>
        static int Together(in Args a) => Math.Max(1, Math.Min(ProfileBytes / TapBytes(a), a.Count));
    }

    struct DifferentiateCuda : ISingleCudaKernel<Batch>
    {
        public static void Run(CudaDevice device, in Batch batch)
        {
            int warp = 0, warps = 1;
            for (int i = 0; i < batch.Count; i++)
            {
                ref readonly Args a = ref batch[i];
                int bytes = (a.Lines + Math.Max(a.Size[0], Math.Max(a.Size[1], a.Size[2]))) * WarpSize * sizeof(float);
                ExpectRoom(device, bytes, a);
                warp = Math.Max(warp, bytes);
            }
            int most = Math.Min(DifferentiateWarps, device.Properties.SharedPerBlockAtMost / warp);
            for (int i = 0; i < batch.Count; i++) warps = Math.Max(warps, Workers.Blocks(TapGroups(batch[i]), Workers.Blocks(TapGroups(batch[i]), most)));
            Launch(device, differentiateTaps, batch, warps, warps * warp, static (in Args a, int warps) => Form(a) with { Blocks = Workers.Blocks(TapGroups(a), warps) });
        }

        /// <summary>Each a warp's work.</summary>
        static int TapGroups(in Args a) => Workers.Blocks(a.Count, WarpGroups);
    }

    delegate DclsLaunchForm FormOf(in Args a, int warps);

    /// <summary>One launch for all kernels; several only where there are more of them, or more forms, than one can be told of.</summary>
    static void Launch(CudaDevice device, CudaFunction<DclsLaunch> function, in Batch batch, int warps, int shared, FormOf formOf)
    {
        DclsLaunch launch = default;
        int blocks = 0, forms = 0;
        for (int i = 0; i < batch.Count; i++)
        {
            ref readonly Args a = ref batch[i];
            DclsLaunchForm form = formOf(a, warps);
            int at = ((ReadOnlySpan<DclsLaunchForm>)launch.Form)[..forms].IndexOf(form);
            if (launch.Layers == DclsLaunch.MostLayers || at < 0 && forms == DclsLaunch.MostForms)
            {
                device.Launch(function, blocks, new(WarpSize, warps), launch, shared);
                (launch, blocks, forms, at) = (default, 0, 0, -1);
            }
            if (at < 0) launch.Form[at = forms++] = form;
            launch.Layer[launch.Layers++] = new(a.Weight, a.Position, a.Sigma, a.Kernel, a.DWeight, a.DPosition, a.DSigma, a.Channels, at, blocks);
            blocks += a.Planes * Workers.Blocks(a.Channels, BlockChannels) * form.Blocks;
        }
        device.Launch(function, blocks, new(WarpSize, warps), launch, shared);
    }

    static DclsLaunchForm Form(in Args a)
        => new(a.Planes, a.Count, AxisOf(a, 0), AxisOf(a, 1), AxisOf(a, 2), (float)a.NarrowestSigma, (float)(a.NarrowestSigma * Negligible), 0, 0, 0);

    static DclsLaunchAxis AxisOf(in Args a, int axis) => new(a.Size[axis], a.Row[axis], (float)a.Centre[axis]);

    static void ExpectRoom(CudaDevice device, int bytes, in Args a)
    {
        int most = device.Properties.SharedPerBlockAtMost;
        if (bytes > most) throw new TensorException($"DclsKernel: the profiles of a tap in a window of {a.Size[0]}x{a.Size[1]}x{a.Size[2]} "
            + $"take {bytes} bytes of shared memory, {device} has {most}; use a smaller window");
    }
}
