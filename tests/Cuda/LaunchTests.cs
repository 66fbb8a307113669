using MiniTorch.Cuda;
using MiniTorch.Tests.Cases;

namespace MiniTorch.Tests.Cuda;

/// <summary>What a launch costs the host beside the driver's own work.</summary>
[Collection(StubTests.Name)]
public sealed class LaunchTests(StubDriver stub)
{
    const int Warm = 70, Repeats = 50;

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
        Assert.Equal(0, Allocated.Least(() =>
        {
            for (int i = 0; i < Repeats; i++) launch();
        }));
        if (!(libraries && kind.StartsWith("product", StringComparison.Ordinal))) Assert.True(stub.Log.Length >= lines + Repeats, "nothing reached the driver");
    }
}
