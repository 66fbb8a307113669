using System.Runtime.CompilerServices;
using MiniTorch.Cuda;

namespace MiniTorch.Models;

public sealed unsafe partial class MixedPrecision
{
    /// <summary>Elements of a thread block; each tensor begins with a block of its own.</summary>
    const int BlockSize = 1024;

    const int Threads = 256;

    /// <summary>A tensor that is read, the block that writes its first elements, and their number.</summary>
    readonly record struct Member(Pointer From, int FirstBlock, int Count);

    /// <summary>They travel with the launch, which may be captured: nothing is written to the device for them.</summary>
    [InlineArray(Most)]
    struct Members
    {
        internal const int Most = 240;
        Member first;
    }

    /// <summary>What both kernels take: block b, counted over all parameters, writes elements BlockSize · b and further. Blocks of parameters that are not members write nothing.</summary>
    struct Args(Pointer to) : ICost
    {
        internal readonly Pointer To = to;
        Members members;
        int count;

        internal readonly bool IsEmpty => count == 0;

        internal readonly bool IsFull => count == Members.Most;

        internal readonly int Blocks => members[count - 1].FirstBlock + Workers.Blocks(members[count - 1].Count, BlockSize) - members[0].FirstBlock;

        internal void Add(Pointer from, int firstBlock, int elements) => members[count++] = new(from, firstBlock, elements);

        public readonly Cost Cost(int size)
        {
            double elements = 0;
            for (int i = 0; i < count; i++) elements += members[i].Count;
            return new(0, (DType.Float32.Size() + DType.BFloat16.Size()) * elements, count);
        }
    }

    static readonly Kernel<Args> round = Kernel<Args>.OnCuda<Rounding>("MixedPrecision.round"), widen = Kernel<Args>.OnCuda<Widening>("MixedPrecision.widen");
    static readonly CudaModule module = new(typeof(MixedPrecision), "MixedPrecision");
    static readonly CudaFunction<Args> roundAll = module.Function<Args>("mixedRound"), widenAll = module.Function<Args>("mixedWiden");

    struct Rounding : ISingleCudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args a) => device.Launch(roundAll, a.Blocks, Threads, a);
    }

    struct Widening : ISingleCudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args a) => device.Launch(widenAll, a.Blocks, Threads, a);
    }
}
