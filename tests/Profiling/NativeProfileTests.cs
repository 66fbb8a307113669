using MiniTorch.Models;
using MiniTorch.Models.Bench;
using MiniTorch.Models.Profiling;
using MiniTorch.Tests.Cuda;

namespace MiniTorch.Tests.Profiling;

/// <summary>Measuring on a real GPU, as far as a driver goes whose events are half a millisecond apart and that runs no kernels.</summary>
[Collection(StubTests.Name)]
public sealed class NativeProfileTests(StubDriver stub)
{
    CudaDevice Open()
    {
        stub.Begin();
        stub.Memory = 2L << 30;
        return CudaDevice.Open();
    }

    [Fact]
    public void A_gpus_ceiling_is_a_product_and_a_copy_between_events()
    {
        using CudaDevice device = Open();
        Ceiling ceiling = Ceiling.Of(device);
        Assert.Equal(("Stub GPU 0", false), (ceiling.Device, ceiling.IsEstimate));
        Assert.Equal(2e-9 * 4096 * 4096 * 4096 / 0.5e-3, ceiling.Gflops, 1e-7 * ceiling.Gflops);
        Assert.Equal(2e-9 * 4 * 52428800 / 0.5e-3, ceiling.GigabytesPerSecond, 1e-7 * ceiling.GigabytesPerSecond);
        Assert.Equal(12, stub.Log.Count(static l => l.StartsWith("within 209715200 ", StringComparison.Ordinal)));
    }

    /// <summary>Overwritten outside the marks: the time is that between two events and nothing more.</summary>
    [Fact]
    public void The_cache_is_overwritten_before_each_repetition_and_nothing_waits_between()
    {
        using CudaDevice device = Open();
        using Workload work = new RowsWorkload(device, new("2x4x4x16"), norm: false);
        long memory = device.Pool.LiveBytes;
        Timing timing = Timing.Of(work, TestContext.Current.CancellationToken);
        Assert.Equal((200, 0.5, 0.5), (timing.Repetitions, Math.Round(timing.MedianMs, 6), Math.Round(timing.MinMs, 6)));
        string[] log = stub.Log;
        int[] fills = [.. Enumerable.Range(0, log.Length).Where(i => log[i] == "fill 104857600 with 0")];
        Assert.InRange(fills.Length, 200, 201);            // the buffer itself may be made with zeros
        Assert.All(fills[^200..], i => Assert.StartsWith("launch ", log[i + 1]));
        Assert.DoesNotContain(log[fills[^200]..fills[^1]], static l => l.StartsWith("synchronize", StringComparison.Ordinal));
        Assert.Equal(memory, device.Pool.LiveBytes);
    }

    /// <summary>Marks come before and after each launch, half a millisecond apart; the host's clock is read when the stream is empty.</summary>
    [Fact]
    public void Steps_are_profiled_by_events_and_plain_ones_end_with_an_empty_queue()
    {
        using CudaDevice device = Open();
        NamedModel named = NamedModels.Of("convnext_speck");
        using NetworkStep step = new(device, named.Network, [2, 16, 16, 1], named.Classes, true, 0);
        stub.Begin();
        Measured measured = step.Measure(pairs: 3, TestContext.Current.CancellationToken);
        Assert.Equal(3, stub.Log.Count(static l => l.StartsWith("synchronize", StringComparison.Ordinal)));
        Assert.All(measured.Profile.Kernels, static k => Assert.True(k.Counted is null && Math.Abs(k.Seconds - 0.5e-3) < 1e-9, k.ToString()));
        Assert.True(measured.Turns is { Pairs: 3 } t && t.Queued <= t.Plain && t.Fastest <= t.Plain, $"{measured.Turns}");
        ProfileTable table = ProfileTable.Of(measured.Profile, measured.Turns!.Profiled, 1e13, 1e12, ProfileTable.RestOf(device));
        Assert.Equal(table.RestMs, table.Rows.Where(static r => r.Layer == ProfileTable.Idle).Sum(static r => r.Ms), 1e-6);
        Assert.Equal(table.Ms, table.Rows.Sum(static r => r.Ms), 1e-6);
    }
}
