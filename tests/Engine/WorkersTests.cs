namespace MiniTorch.Tests.Engine;

public sealed unsafe class WorkersTests
{
    readonly record struct Args(Pointer Counts, int Inner);

    static void Count(in Args a, int item) => Interlocked.Increment(ref a.Counts.As<int>()[item]);

    static void Fail(in Args a, int item)
    {
        if (item == a.Inner) throw new InvalidOperationException("item");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(8)]
    public void Every_item_runs_exactly_once_in_thousands_of_loops(int threads)
    {
        using CpuDevice device = new(threads);
        Tensor counts = Tensor.Lasting([97], DType.Int32, device);
        for (int round = 0; round < 5000; round++) device.Workers.For(round % 98, new Args(counts, 0), &Count);
        int[] seen = counts.ToArray<int>(), expected = new int[97];
        for (int round = 0; round < 5000; round++)
            for (int i = 0; i < round % 98; i++) expected[i]++;
        Assert.Equal(expected, seen);
    }

    [Fact]
    public void A_fault_in_an_item_reaches_the_caller_and_the_next_loop_works()
    {
        using CpuDevice device = new(4);
        Tensor counts = Tensor.Lasting([50], DType.Int32, device);
        Assert.ThrowsAny<Exception>(() => device.Workers.For(50, new Args(counts, 20), &Fail));
        device.Workers.For(50, new Args(counts, 0), &Count);
        Assert.All(counts.ToArray<int>(), static c => Assert.Equal(1, c));
    }

    /// <summary>Items note when they began; the first one stays until the middle one has.</summary>
    static void Note(in Args a, int item)
    {
        int* began = a.Counts.As<int>();
        Volatile.Write(ref began[1 + item], Interlocked.Increment(ref began[0]));
        while (item == 0 && Volatile.Read(ref began[1 + a.Inner]) == 0) Thread.Yield();
    }

    [Fact]
    public void Each_thread_begins_with_its_own_part_of_the_items()
    {
        const int Items = 40;
        using CpuDevice device = new(2);
        for (int round = 0; round < 50; round++)
        {
            Tensor began = Tensor.Lasting([1 + Items], DType.Int32, device);
            device.Workers.For(Items, new Args(began, Items / 2), &Note);
            Assert.InRange(began.ToArray<int>()[1 + Items / 2], 1, 2);
            began.Free();
        }
    }

    [Fact]
    public void Widths_and_thread_counts_that_make_no_sense_are_refused()
    {
        Assert.Contains(Simd.Variable, Assert.Throws<TensorException>(static () => new Simd(64)).Message, StringComparison.Ordinal);
        Assert.Throws<TensorException>(static () => new CpuDevice(0));
    }
}
