using System.Numerics;

namespace MiniTorch.Tests.Engine;

public sealed unsafe class PoolTests
{
    readonly record struct Args(Pointer Operand, Pointer Found, long Bytes);

    static readonly Kernel<Args> takesScratch = Kernel<Args>.On<Body>("PoolTests.takesScratch");

    static Block abandoned;

    /// <summary>In the middle of a kernel the handle of its operand dies; the kernel then asks for scratch of the same size.</summary>
    struct Body : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            device.Pool.Abandon(abandoned);
            using Scratch scratch = device.Scratch(args.Bytes);
            args.Found.As<long>()[0] = (long)scratch.As<byte>();
        }
    }

    [Fact]
    public void A_kernel_never_gets_the_memory_of_its_operand_as_scratch()
    {
        const long Bytes = 1 << 20;
        using CpuDevice device = new(1);
        abandoned = device.Pool.Take(Bytes);
        long found;
        takesScratch.Launch(device, DType.Float32, new(Pointer.At((void*)abandoned.Address), Pointer.At(&found), Bytes));
        Assert.NotEqual(abandoned.Address, (nint)found);
        Assert.Equal(1, device.Pool.LiveBlocks);
        Block next = device.Pool.Take(Bytes);           // no kernel runs: the block is taken in, and the lowest free address handed out
        Assert.Equal(1, device.Pool.LiveBlocks);
        Assert.Equal(Math.Min(abandoned.Address, (nint)found), next.Address);
        device.Pool.Return(next);
    }
}
