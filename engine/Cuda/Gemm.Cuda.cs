using MiniTorch.Cuda;

namespace MiniTorch;

static unsafe partial class Gemm
{
    const int CudaTile = 64, CudaDepth = 16, CudaThreads = 128, FinishThreads = 256;
    const int WantedBlocks = 264;       // two for each multiprocessor of a large GPU
    const int LeastDepth = 128;         // of K in a slice

    readonly record struct GemmLaunch(Pointer A, Pointer B, Pointer C, Pointer Bias, long BatchA, long BatchB, long BatchC, int M, int N, int K, int LeadingA, int LeadingB, int LeadingC,
        int Slices, int SliceDepth, int Batch, int Accumulate);
    readonly record struct FinishLaunch(Pointer Partial, Pointer C, Pointer Bias, long BatchC, int M, int N, int LeadingC, int Size, int Slices, int Accumulate);

    static readonly CudaModule module = new(typeof(CudaDevice), "Gemm");
    static readonly CudaFunction<GemmLaunch> plain = module.Function<GemmLaunch>("gemm"), turnedA = module.Function<GemmLaunch>("gemmA");
    static readonly CudaFunction<GemmLaunch> turnedB = module.Function<GemmLaunch>("gemmB"), turnedBoth = module.Function<GemmLaunch>("gemmAB");
    static readonly CudaFunction<FinishLaunch> finish = module.Function<FinishLaunch>("gemmFinish");

    /// <summary>By the library, if there is one, which knows no bias; else by squares of C, with a large K in fixed slices that are then added in order.</summary>
    internal struct Cuda : ICudaKernel<GemmArgs>
    {
        public static void Run(CudaDevice device, in GemmArgs args)
        {
            if (device.Blas is { } blas)
            {
                blas.Gemm(args with { Bias = default });
                if (!args.Bias.IsNull) Finish(device, args with { Accumulate = true }, default, 0);
                return;
            }
            int blocks = checked(Workers.Blocks(args.M, CudaTile) * Workers.Blocks(args.N, CudaTile) * args.Batch);
            int slices = blocks == 0 ? 1 : Math.Clamp(WantedBlocks / blocks, 1, Math.Max(1, args.K / LeastDepth)), depth = Math.Max(1, Workers.Blocks(args.K, slices));
            depth = Workers.Blocks(depth, CudaDepth) * CudaDepth;
            slices = Math.Max(1, Workers.Blocks(args.K, depth));
            CudaFunction<GemmLaunch> function = (args.TransposeA, args.TransposeB) switch { (false, false) => plain, (true, false) => turnedA, (false, true) => turnedB, _ => turnedBoth };
            GemmLaunch launch = new(args.A, args.B, args.C, args.Bias, args.BatchA, args.BatchB, args.BatchC, args.M, args.N, args.K, args.LeadingA, args.LeadingB, args.LeadingC,
                slices, depth, args.Batch, args.Accumulate ? 1 : 0);
            if (slices == 1)
            {
                device.Launch(function, blocks, CudaThreads, launch);
                return;
            }
            using Scratch scratch = device.Scratch((long)slices * args.Batch * args.M * args.N * sizeof(float));
            Pointer partial = Pointer.At(scratch.As<float>());
            device.Launch(function, blocks * slices, CudaThreads, launch with { C = partial, Bias = default, LeadingC = args.N, Accumulate = 0 });
            Finish(device, args, partial, slices);
        }

        /// <summary>c [rows, columns] += bias [columns].</summary>
        internal static void AddBias(CudaDevice device, Pointer c, Pointer bias, int rows, int columns)
            => Finish(device, new(default, default, c, rows, columns, 0) { Bias = bias, Accumulate = true }, default, 0);

        static void Finish(CudaDevice device, in GemmArgs a, Pointer partial, int slices)
        {
            int size = checked(a.Batch * a.M * a.N);
            device.Launch(finish, Workers.Blocks(size, FinishThreads), FinishThreads, new(partial, a.C, a.Bias, a.BatchC, a.M, a.N, a.LeadingC, size, slices, a.Accumulate ? 1 : 0));
        }
    }
}
