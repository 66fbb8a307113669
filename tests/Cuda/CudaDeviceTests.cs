using MiniTorch.Cuda;

namespace MiniTorch.Tests.Cuda;

/// <summary>The device over the native driver: what tensors do that no kernel takes part in.</summary>
[Collection(StubTests.Name)]
public sealed class CudaDeviceTests(StubDriver stub)
{
    CudaDevice Open()
    {
        stub.Begin();
        return CudaDevice.Open();
    }

    [Fact]
    public void Tensors_are_written_copied_cleared_and_read()
    {
        using CudaDevice device = Open();
        using Step step = Step.Begin();
        Tensor x = Tensor.Of<float>([1, 2, 3, 4, 5, 6], [2, 3], device), y = Tensor.Lasting([2, 3], device: device), z = Tensor.Zeros([3], DType.Int32, device);
        Assert.Equal("f32[2, 3] on cuda:0", x.ToString());
        Assert.Equal(new float[6], y.ToArray<float>());
        y.Assign(x);
        Assert.Equal([1, 2, 3, 4, 5, 6], y.ToArray<float>());
        Assert.Equal([0, 0, 0], z.ToArray<int>());
        y.Free();
    }

    [Fact]
    public void A_batch_travels_on_the_copy_stream_and_lands_on_the_other()
    {
        using CudaDevice device = Open();
        float[] values = [.. Enumerable.Range(0, 50_000).Select(static i => (float)i)];
        Tensor x = Tensor.Lasting([values.Length], device: device);
        stub.Begin();
        for (int i = 0; i < 6; i++)         // more than there are places
        {
            values[i] = -i;
            x.Write<float>(values);
        }
        string compute = $"stream {device.Compute - 0x5000}";
        string[] log = stub.Log;
        string sent = Assert.Single(log.Where(static l => l.StartsWith("to device", StringComparison.Ordinal)).Distinct());
        Assert.StartsWith("to device 200000 stream ", sent);
        Assert.DoesNotContain(compute, sent);
        int at = Array.IndexOf(log, sent);
        Assert.Equal([$"{compute} waits", $"within 200000 {compute}"], log[(at + 1)..(at + 3)]);
        Assert.Equal(4, log.Count(static l => l.StartsWith("pin ", StringComparison.Ordinal)));
        Assert.Equal(values, x.ToArray<float>());
        x.Free();
    }

    [Fact]
    public void More_than_a_place_holds_goes_in_parts()
    {
        using CudaDevice device = Open();
        int[] values = new int[(64 << 18) + 3];
        (values[0], values[64 << 18], values[^1]) = (1, 2, 3);
        Tensor x = Tensor.Of(values, [values.Length], device);
        Assert.Equal(values, x.ToArray<int>());
    }

    [Fact]
    public void The_pool_asks_the_driver_once_for_equal_steps()
    {
        using CudaDevice device = Open();
        Repeat(device);
        long inUse = stub.InUse;
        stub.Begin();
        Repeat(device);
        Assert.DoesNotContain(stub.Log, static l => l.StartsWith("allocate", StringComparison.Ordinal));
        Assert.Equal((0L, inUse), (device.Pool.LiveBytes, stub.InUse));
        Assert.Equal(inUse, device.Pool.ReservedBytes);

        static void Repeat(CudaDevice device)
        {
            using Step step = Step.Begin();
            for (int n = 1; n < 40; n++) _ = Tensor.Empty([n, 1000], device: device);
        }
    }

    [Fact]
    public void Running_out_of_memory_tells_the_largest_tensors_and_leaves_the_device_usable()
    {
        using CudaDevice device = Open();
        stub.Memory = 100 << 20;
        using (Step step = Step.Begin())
        {
            _ = Tensor.Empty([10, 1 << 20], device: device);
            _ = Tensor.Empty([3, 1 << 20], DType.Int32, device);
            CudaException e = Assert.Throws<CudaException>(() => Tensor.Empty([16, 1 << 20], device: device));
            Assert.Equal((true, 2, "cuMemAllocAsync"), (e.IsOutOfMemory, e.Code, e.Function));
            Assert.Equal("cuda:0 is out of memory: asked for 64.0 MiB, 52.0 MiB live in 2 blocks (peak 52.0 MiB), 48.0 MiB of 100.0 MiB free; "
                + "largest tensors: f32[10, 1048576] 40.0 MiB, i32[3, 1048576] 12.0 MiB; use a smaller batch or model", e.Message);
            Assert.Equal(52 << 20, device.Pool.LiveBytes);
        }
        using (Step step = Step.Begin())
        {
            Tensor whole = Tensor.Zeros([24, 1 << 20], device: device);        // fits once what the pool had kept is given back
            Assert.Equal(0, whole.ToArray<float>()[^1]);
        }
        Assert.Contains("trim", stub.Log);
        Assert.Equal(96 << 20, device.Pool.ReservedBytes);
    }

    [Fact]
    public void A_launch_allocates_nothing()
    {
        using CudaDevice device = Open();
        int launches = 0;
        Launch();
        Assert.Equal(0, Allocated.Least(() =>
        {
            for (int i = 0; i < 100; i++) Launch();
        }));
        Assert.Single(stub.Log, static l => l.StartsWith("module", StringComparison.Ordinal));
        Assert.Equal(launches, stub.Log.Count(static l => l.StartsWith("launch idle grid 7 1 1 block 32 1 1 shared 0", StringComparison.Ordinal) && l.EndsWith("parameter 0a000000", StringComparison.Ordinal)));

        void Launch()
        {
            launches++;
            Busy.Kernel.Launch(device, DType.Float32, 10);
        }
    }

    [Fact]
    public void Large_dynamic_shared_memory_is_asked_for_once()
    {
        using CudaDevice device = Open();
        foreach (int bytes in (int[])[48_128, 48_129, 48_129, 1000]) device.Launch(Busy.Function, 1, 32, 5, bytes);       // the stub's kernels have 1024 static bytes of 49152
        Assert.Equal("idle may use 48129 dynamic bytes", Assert.Single(stub.Log, static l => l.Contains("may use")));
    }

    [Fact]
    public void A_fault_of_a_kernel_is_told_with_its_name_where_launches_are_waited_for()
    {
        using CudaDevice device = Open();
        device.WaitsForLaunches = true;
        stub.Fail("cuStreamSynchronize", 700);
        Assert.Equal("idle failed when it ran, grid (7, 1, 1), block (32, 1, 1), 0 bytes of dynamic shared memory: "
            + "cuStreamSynchronize: CUDA_ERROR_ILLEGAL_ADDRESS (700), an illegal memory access was encountered",
            Assert.Throws<CudaException>(() => Busy.Kernel.Launch(device, DType.Float32, 10)).Message);
    }

    [Fact]
    public void A_kernel_without_a_cuda_entry_says_so()
    {
        using CudaDevice device = Open();
        Kernel<int> kernel = Kernel<int>.On<Idle>("Test.host");
        Assert.Equal("Test.host has no kernel for f32 on cuda:0", Assert.Throws<TensorException>(() => kernel.Launch(device, DType.Float32, 0)).Message);
    }

    [Fact]
    public void An_entry_that_queues_nothing_is_a_fault()
    {
        using CudaDevice device = Open();
        Assert.Equal("Test.idle queued nothing on cuda:0", Assert.Throws<InvalidOperationException>(() => Idle.Kernel.Launch(device, DType.Float32, 0)).Message);
        Assert.Throws<TensorException>(() => Idle.Kernel.Launch(device, DType.Float64, 0));
    }

    [Fact]
    public void A_profile_is_timed_by_events()
    {
        using CudaDevice device = Open();
        Tensor x = Tensor.Lasting([8], device: device);
        StepProfile step = Profile.Of(device, () => device.Clear(x.Address, 32));
        KernelRun run = Assert.Single(step.Kernels);
        Assert.Equal(("Clear", 0.5e-3, 1.0e-3, 1.5e-3), (run.Kernel, run.Begin, run.End, step.Seconds));     // the stub's clock goes on by half a millisecond an event
        x.Free();
    }

    [Fact]
    public void Each_thread_makes_the_device_current_once()
    {
        using CudaDevice device = Open();
        Tensor x = Tensor.Lasting([8], device: device);
        stub.Begin();
        Thread other = new(() =>
        {
            x.Write<float>(new float[8]);
            x.Write<float>(new float[8]);
        });
        other.Start();
        other.Join();
        Assert.Single(stub.Log, static l => l == "current");
        x.Free();
    }

    struct Busy : ISingleCudaKernel<int>
    {
        internal static readonly CudaFunction<int> Function = new CudaModule(typeof(Busy), "Idle").Function<int>("idle");
        internal static readonly Kernel<int> Kernel = Kernel<int>.OnSingle<Idle, Busy>("Test.busy");

        public static void Run(CudaDevice device, in int args) => device.Launch(Function, 7, 32, args);
    }

    struct Idle : ICpuKernel<int>, ISingleCudaKernel<int>
    {
        internal static readonly Kernel<int> Kernel = Kernel<int>.OnSingle<Idle, Idle>("Test.idle");

        public static void Run<T, V>(CpuDevice device, in int args) where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T> { }
        public static void Run(CudaDevice device, in int args) { }
    }
}
