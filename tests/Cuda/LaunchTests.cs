using MiniTorch.Cuda;
using MiniTorch.Tests.Cases;

namespace MiniTorch.Tests.Cuda;

/// <summary>What a launch costs the host beside the driver's own work.</summary>
[Collection(StubTests.Name)]
public sealed class LaunchTests(StubDriver stub)
{
    const int Warm = 70, Repeats = 50, Windows = 5;

    public static TheoryData<string, bool> Kinds => [.. Launches.Names.SelectMany(static name => new TheoryDataRow<string, bool>[] { new(name, false), new(name, true) })];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void No_managed_memory_is_taken(string kind, bool libraries)
    {
        stub.Begin();
        using CudaDevice device = libraries ? CudaDevice.Open() : new(new NativeDriver(0), static _ => null, static _ => null);
        using Launches launches = new(device);
        Action launch = launches[kind];
        for (int i = 0; i < Warm; i++) launch();
        int lines = stub.Log.Length;
        long least = long.MaxValue;
        for (int w = 0; w < Windows && least > 0; w++) least = Math.Min(least, Taken(launch));
        Assert.Equal(0, least);
        if (!(libraries && kind.StartsWith("product", StringComparison.Ordinal))) Assert.True(stub.Log.Length >= lines + Repeats, "nothing reached the driver");
    }

    /// <summary>
    /// Bytes that so many launches take. A collection that another test causes meanwhile counts what was left of this thread's last block, up to 8 KiB, as taken; what launches take is taken each time.
    /// </summary>
    static long Taken(Action launch)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Repeats; i++) launch();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
