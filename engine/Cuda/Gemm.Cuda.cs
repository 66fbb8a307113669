using MiniTorch.Cuda;

namespace MiniTorch;

static unsafe partial class Gemm
{
    const int CudaTile = 64, CudaDepth = 16, CudaThreads = 128, FinishThreads = 256;
    const int WantedBlocks = 264;       // two for each multiprocessor of a large GPU
    const int LeastDepth = 128;         // of K in a slice
    const int KeptColumns = 8;          // a library keeps what a formula is applied to in rows of so many or a multiple

    readonly record struct GemmLaunch(Pointer A, Pointer B, Pointer C, Pointer Bias, long BatchA, long BatchB, long BatchC, int M, int N, int K, int LeadingA, int LeadingB, int LeadingC,
        int Slices, int SliceDepth, int Batch, int Accumulate);
    readonly record struct FinishLaunch(Pointer Partial, Pointer C, Pointer Bias, long BatchC, int M, int N, int LeadingC, int Size, int Slices, int Accumulate);

    static readonly CudaModule module = new(typeof(CudaDevice), "Gemm");
    static readonly TypedFunction<GemmLaunch> plain = module.Typed<GemmLaunch>("gemm"), turnedA = module.Typed<GemmLaunch>("gemmA");
    static readonly TypedFunction<GemmLaunch> turnedB = module.Typed<GemmLaunch>("gemmB"), turnedBoth = module.Typed<GemmLaunch>("gemmAB");
    static readonly TypedFunction<FinishLaunch> finish = module.Typed<FinishLaunch>("gemmFinish");

    /// <summary>By the library, if there is one; else by squares of C, with a large K in fixed slices that are then added in order. Products of bf16 are summed in float32 and then rounded.</summary>
    internal struct Cuda : ICudaKernel<GemmArgs>
    {
        public static void Run<T>(CudaDevice device, in GemmArgs args) where T : unmanaged
        {
            if (TryRun<T>(device, args)) return;
            device.Blas!.Gemm(DTypes.Of<T>(), args with { Bias = default });
            Finish<T>(device, args with { Accumulate = true }, default, 0);
        }

        /// <summary>As <see cref="Run{T}"/>, unless the bias would take a pass of its own, 2 M N elements: then false, and nothing is queued.</summary>
        internal static bool TryRun<T>(CudaDevice device, in GemmArgs args) where T : unmanaged
        {
            if (device.Blas is not { } blas) Own<T>(device, args);
            else if (args.Bias.IsNull) blas.Gemm(DTypes.Of<T>(), args);
            else return Fusable(args) && blas.TryBias(DTypes.Of<T>(), args);
            return true;
        }

        /// <summary>
        /// The product, its bias and a formula of both in one pass, which spares reading C, M N elements. False, and nothing is queued, where there is no library that does that. How exactly one computes
        /// tanh is nowhere said: it is let where the rounding of bf16 hides that.
        /// </summary>
        internal static bool TryActivation<T, F>(CudaDevice device, in GemmArgs args, Pointer y, F formula) where T : unmanaged where F : unmanaged, IUnary
            => (F.Library == LibraryFormula.Relu || F.Library == LibraryFormula.GeluTanh && typeof(T) == typeof(BFloat16)) && device.Blas is { } blas && Fusable(args) && (y.Address == args.C.Address || args.LeadingC % KeptColumns == 0)
                && blas.TryActivation(DTypes.Of<T>(), args, y, formula);

        /// <summary>The product and sums[n] = Σₖ op(B)[k, n] in one pass, which spares reading B again, K N elements. False, and nothing is queued, where there is no library that does that.</summary>
        internal static bool TrySums<T>(CudaDevice device, in GemmArgs args, Pointer sums) where T : unmanaged => device.Blas is { } blas && Fusable(args) && blas.TrySums(DTypes.Of<T>(), args, sums);

        /// <summary>Products with vectors are not asked for: there is next to nothing to spare, and matrices of no elements have no layout.</summary>
        static bool Fusable(in GemmArgs args) => args is { M: > 1, N: > 1, K: > 1 };

        static void Own<T>(CudaDevice device, in GemmArgs args) where T : unmanaged
        {
            int blocks = checked(Workers.Blocks(args.M, CudaTile) * Workers.Blocks(args.N, CudaTile) * args.Batch);
            int slices = blocks == 0 ? 1 : Math.Clamp(WantedBlocks / blocks, 1, Math.Max(1, args.K / LeastDepth)), depth = Math.Max(1, Workers.Blocks(args.K, slices));
            depth = Workers.Blocks(depth, CudaDepth) * CudaDepth;
            slices = Math.Max(1, Workers.Blocks(args.K, depth));
            TypedFunction<GemmLaunch> function = (args.TransposeA, args.TransposeB) switch { (false, false) => plain, (true, false) => turnedA, (false, true) => turnedB, _ => turnedBoth };
            GemmLaunch launch = new(args.A, args.B, args.C, args.Bias, args.BatchA, args.BatchB, args.BatchC, args.M, args.N, args.K, args.LeadingA, args.LeadingB, args.LeadingC,
                slices, depth, args.Batch, args.Accumulate ? 1 : 0);
            if (slices == 1 && typeof(T) == typeof(float))
            {
                device.Launch(function.For<T>(), blocks, CudaThreads, launch);
                return;
            }
            using Scratch scratch = device.Scratch((long)slices * args.Batch * args.M * args.N * sizeof(float));
            Pointer partial = Pointer.At(scratch.As<float>());
            device.Launch(function.For<T>(), blocks * slices, CudaThreads, launch with { C = partial, Bias = default, BatchC = (long)args.M * args.N, LeadingC = args.N, Accumulate = 0 });
            Finish<T>(device, args, partial, slices);
        }

        /// <summary>c [rows, columns] += bias [columns].</summary>
        internal static void AddBias<T>(CudaDevice device, Pointer c, Pointer bias, int rows, int columns) where T : unmanaged
            => Finish<T>(device, new(default, default, c, rows, columns, 0) { Bias = bias, Accumulate = true }, default, 0);

        static void Finish<T>(CudaDevice device, in GemmArgs a, Pointer partial, int slices) where T : unmanaged
        {
            int size = checked(a.Batch * a.M * a.N);
            device.Launch(finish.For<T>(), Workers.Blocks(size, FinishThreads), FinishThreads, new(partial, a.C, a.Bias, a.BatchC, a.M, a.N, a.LeadingC, size, slices, a.Accumulate ? 1 : 0));
        }
    }
}
