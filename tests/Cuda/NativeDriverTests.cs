using System.Text;
using MiniTorch.Cuda;

namespace MiniTorch.Tests.Cuda;

/// <summary>The binding of libcuda, call by call, against a driver that checks its arguments.</summary>
[Collection(StubTests.Name)]
public sealed unsafe class NativeDriverTests(StubDriver stub)
{
    static readonly byte[] ptx = Encoding.UTF8.GetBytes(".version 7.8\n.target sm_80\n.visible .entry scale(\n.param .align 8 .b8 scale_param_0[24]\n)\n{ ret; }\n");

    readonly record struct ScaleArgs(long X, int Count, float Factor, double Unused);

    NativeDriver Open()
    {
        stub.Begin();
        NativeDriver driver = new(0);
        driver.MakeCurrent();
        return driver;
    }

    [Fact]
    public void Properties_are_read_by_the_drivers_numbers()
    {
        using NativeDriver driver = Open();
        Assert.Equal(new DeviceProperties
        {
            Name = "Stub GPU 0", ComputeCapability = new(9, 0), Multiprocessors = 132, ClockKilohertz = 1755000, MemoryBytes = 1 << 28, CacheBytes = 52428800, SharedPerBlock = 49152,
            SharedPerBlockAtMost = 232448, SharedPerMultiprocessor = 233472, RegistersPerMultiprocessor = 65536, ThreadsPerMultiprocessor = 2048, ThreadsPerBlock = 1024,
            Driver = new(13, 0),
        }, driver.Properties);
    }

    [Fact]
    public void A_gpu_that_cannot_be_used_is_an_error()
    {
        stub.Begin();
        Assert.Equal("Stub GPU 1 has compute capability 7.5, 8.0 is needed", Assert.Throws<CudaException>(static () => new NativeDriver(1)).Message);
        Assert.Equal("the driver has 2 GPUs, counted from 0; asked for 2", Assert.Throws<CudaException>(static () => new NativeDriver(2)).Message);
        stub.Fail("cuInit", 999);
        Assert.Equal("cuInit: unknown error (999), the driver has no words for it", Assert.Throws<CudaException>(static () => new NativeDriver(0)).Message);
    }

    [Fact]
    public void A_launch_carries_all_its_arguments()
    {
        using NativeDriver driver = Open();
        nint stream = driver.CreateStream(), scale = driver.Function(driver.LoadModule(ptx), "scale");
        ScaleArgs args = new(0x1122334455667788, -2, 1.5f, 2);
        void* parameter = &args;
        driver.AllowDynamicShared(scale, 100_000);
        driver.Launch(scale, new(2, 3, 4), new(5, 6, 7), 99_999, stream, &parameter, [sizeof(ScaleArgs)]);
        driver.Launch(scale, 9, 128, 0, stream, &parameter, [sizeof(ScaleArgs)]);
        string bytes = "8877665544332211feffffff0000c03f0000000000000040";
        Assert.Equal([$"module of {ptx.Length} bytes", "scale may use 100000 dynamic bytes",
            $"launch scale grid 2 3 4 block 5 6 7 shared 99999 stream {stream - 0x5000} parameter {bytes}",
            $"launch scale grid 9 1 1 block 128 1 1 shared 0 stream {stream - 0x5000} parameter {bytes}"], stub.Log[^4..]);
        Assert.Equal(new FunctionAttributes(40, 16, 1024, 256), driver.Attributes(scale));
    }

    [Fact]
    public void Errors_tell_function_status_and_what_it_was_about()
    {
        using NativeDriver driver = Open();
        nint stream = driver.CreateStream(), module = driver.LoadModule(ptx), scale = driver.Function(module, "scale");
        CudaException e = Assert.Throws<CudaException>(() => driver.Launch(scale, new(1, 70_000), 32, 8, stream, null, []));
        Assert.Equal("cuLaunchKernel: CUDA_ERROR_INVALID_VALUE (1), invalid argument; kernel scale, grid (1, 70000, 1), block (32, 1, 1), 8 bytes of dynamic shared memory", e.Message);
        Assert.Equal(("cuLaunchKernel", 1, "scale"), (e.Function, e.Code, e.Kernel));
        Assert.Equal("cuModuleLoadDataEx: CUDA_ERROR_INVALID_PTX (218), a PTX JIT compilation failed: ptxas error: line 1: expected .version",
            Assert.Throws<CudaException>(() => driver.LoadModule("nonsense"u8)).Message);
        Assert.Equal("cuModuleGetFunction: CUDA_ERROR_NOT_FOUND (500), named symbol not found: shrink", Assert.Throws<CudaException>(() => driver.Function(module, "shrink")).Message);
        Assert.Equal("cuFuncSetAttribute: CUDA_ERROR_INVALID_VALUE (1), invalid argument: 300000 bytes of dynamic shared memory for scale",
            Assert.Throws<CudaException>(() => driver.AllowDynamicShared(scale, 300_000)).Message);
    }

    [Fact]
    public void Memory_is_taken_filled_copied_and_given_back()
    {
        using NativeDriver driver = Open();
        nint stream = driver.CreateStream(), host = driver.AllocateHost(64), a = driver.Allocate(64, stream), b = driver.Allocate(64, stream);
        Span<int> words = new((void*)host, 16);
        driver.Fill32(a, 0x01020304, 16, stream);
        driver.Fill8(a + 4, 9, 4, stream);
        driver.CopyWithin(a, b, 64, stream);
        driver.CopyToHost(b, host, 64, stream);
        driver.Synchronize(stream);
        Assert.Equal([0x01020304, 0x09090909, 0x01020304], words[..3].ToArray());
        words.Fill(7);
        driver.CopyToDevice(host, a, 32, stream);
        words.Clear();
        driver.CopyToHost(a, host, 64, stream);
        Assert.Equal([7, 0x01020304], words[7..9].ToArray());
        Assert.Equal(((1L << 28) - 128, 1L << 28), driver.MemoryInfo());
        driver.Free(a, stream);
        driver.Free(b, stream);
        driver.FreeHost(host);
        Assert.Equal(0, stub.InUse);
    }

    [Fact]
    public void Events_order_streams_and_take_time()
    {
        using NativeDriver driver = Open();
        nint first = driver.CreateStream(), second = driver.CreateStream(), begin = driver.CreateEvent(timed: true), end = driver.CreateEvent(timed: true);
        driver.Record(begin, first);
        driver.Record(end, first);
        driver.Wait(second, end);
        driver.WaitHere(end);
        Assert.True(driver.IsPast(end) && driver.IsIdle(first));
        stub.Fail("cuStreamQuery", CudaException.NotReady);
        Assert.False(driver.IsIdle(first));
        stub.Fail("cuEventQuery", CudaException.NotReady);
        Assert.False(driver.IsPast(end));
        Assert.Equal(0.5e-3, driver.Seconds(begin, end), 9);
        Assert.Equal($"stream {second - 0x5000} waits", stub.Log[^1]);
    }

    [Fact]
    public void A_graph_is_captured_instantiated_and_launched()
    {
        using NativeDriver driver = Open();
        nint stream = driver.CreateStream(), scale = driver.Function(driver.LoadModule(ptx), "scale");
        ScaleArgs args = default;
        void* parameter = &args;
        driver.BeginCapture(stream);
        driver.Launch(scale, 1, 32, 0, stream, &parameter, [sizeof(ScaleArgs)]);
        nint graph = driver.EndCapture(stream), instance = driver.Instantiate(graph);
        driver.DestroyGraph(graph);
        driver.LaunchGraph(instance, stream);
        driver.LaunchGraph(instance, stream);
        driver.DestroyInstance(instance);
        string[] log = stub.Log[^8..];
        Assert.Equal("begin capture", log[0]);
        Assert.StartsWith("capture scale grid 1 1 1", log[1]);
        Assert.Equal(["end capture", "instantiate", "destroy graph", "launch graph", "launch graph", "destroy instance"], log[2..]);
    }
}
