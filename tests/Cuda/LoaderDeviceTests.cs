using MiniTorch.Models;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.Cuda;

/// <summary>Batches reach a GPU as they reach the CPU, from page-locked memory and without waiting.</summary>
[Collection(StubTests.Name)]
public sealed class LoaderDeviceTests(StubDriver stub)
{
    const int Samples = 50, Batch = 8;

    static List<(float[] X, int[] Y)> Batches(Device device, int first = 0)
    {
        using Loader loader = new(SmallIdx.Array(Samples), new(Batch, Seed: 7, Shuffle: true, Augmentation: new(2, true)) { Mean = [0.3], Deviation = [0.4] }, device: device);
        List<(float[] X, int[] Y)> all = [];
        foreach (int epoch in (int[])[0, 3])
            foreach (Batch batch in loader.Epoch(epoch, first)) all.Add((batch.Images.ToArray<float>(), batch.Labels.ToArray<int>()));
        return all;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    public void Order_and_bits_are_those_of_the_cpu(int first)
    {
        using CpuDevice cpu = new(1);
        using CudaDevice emulated = CudaDevice.Emulated();
        stub.Begin();
        using CudaDevice native = CudaDevice.Open();
        List<(float[] X, int[] Y)> expected = Batches(cpu, first);
        Assert.Equal(2 * ((Samples + Batch - 1) / Batch - first), expected.Count);
        foreach (CudaDevice device in (CudaDevice[])[emulated, native])
        {
            List<(float[] X, int[] Y)> actual = Batches(device, first);
            Assert.Equal(expected, actual, static (a, b) => a.X.SequenceEqual(b.X) && a.Y.SequenceEqual(b.Y));
        }
    }

    [Fact]
    public void A_batch_is_copied_from_where_it_was_made()
    {
        const int Side = 200, Bytes = sizeof(float) * Batch * Side * Side;
        stub.Begin();
        using CudaDevice device = CudaDevice.Open();
        ArrayDataset data = new(new float[6 * Batch * Side * Side], new int[6 * Batch], [Side, Side, 1]);
        using Loader loader = new(data, new(Batch), device: device);
        string compute = $"stream {device.Compute - 0x5000}";
        int seen = 0;
        foreach (int epoch in (int[])[0, 1])
            foreach (Batch batch in loader.Epoch(epoch))
            {
                string[] log = stub.Log;
                stub.Begin();
                Assert.DoesNotContain($"pin {1 << 21}", log);        // a place to copy it to first
                if (seen++ < 4) continue;           // four landing places are made, and nothing after that
                Assert.Equal([$"{compute} waits", $"within {Bytes} {compute}", $"to device {sizeof(int) * Batch} {compute}"], log[1..]);
                Assert.StartsWith($"to device {Bytes} stream ", log[0]);
                Assert.DoesNotContain(compute, log[0]);
            }
        Assert.Equal(12, seen);
    }

    /// <summary>The driver's next wait for an event fails: whoever waits is told.</summary>
    [Fact]
    public void A_batch_is_waited_for_before_its_memory_is_filled_again()
    {
        stub.Begin();
        using CudaDevice device = CudaDevice.Open();
        using Loader loader = new(SmallIdx.Array(Samples), new(Batch), device: device);
        using IEnumerator<Batch> batches = loader.Epoch().GetEnumerator();
        Assert.True(batches.MoveNext());
        stub.Fail("cuEventSynchronize", 700);
        Assert.Contains("CUDA_ERROR_ILLEGAL_ADDRESS", Assert.Throws<CudaException>(() => batches.MoveNext()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_epoch_is_read_at_a_time()
    {
        using Loader loader = new(SmallIdx.Array(Samples), new(Batch));
        foreach (Batch batch in loader.Epoch())
            Assert.Contains("being read already", Assert.Throws<InvalidOperationException>(() => loader.Epoch(1).First()).Message, StringComparison.Ordinal);
        Assert.Equal(Batch, loader.Epoch(1).First().Count);
    }
}
