using System.Runtime.InteropServices;
using MiniTorch.Cuda.Emulation;

namespace MiniTorch.Cuda;

/// <summary>
/// A driver whose GPU is this processor. Every call is done when it returns, whatever its stream; time is what the model of the GPU needs at least. A stream that is captured notes its
/// calls instead, and a graph makes them again as they were. What a kernel does wrong is an <see cref="EmulationException"/>.
/// </summary>
sealed unsafe class EmulatedDriver(long memoryBytes = EmulatedDriver.DefaultMemory) : ICudaDriver
{
    const long DefaultMemory = 1L << 40;

    readonly List<PlacedModule> modules = [];
    readonly List<PlacedKernel> functions = [];
    readonly List<GpuCounters?> events = [];        // what it had done when it came past them
    readonly Dictionary<nint, Action[]> graphs = [], instances = [];
    readonly Dictionary<nint, long> pinned = [];        // bytes, by address
    EmulatedCapture? capture;
    CpuDevice? host;
    int streams, graphsMade;

    /// <summary>The GPU that executes and counts.</summary>
    internal EmulatedGpu Gpu { get; } = new();

    /// <summary>Computes what libraries would.</summary>
    internal CpuDevice Host => host ??= new();

    /// <summary>Everything that the GPU has done so far; its time is the GPU's clock.</summary>
    internal GpuCounters Done { get; private set; }

    /// <summary>Told of each launch that has run.</summary>
    internal Action<string, LaunchCounters>? Launched { get; set; }

    /// <summary>Graphs launched so far.</summary>
    internal long GraphLaunches { get; private set; }

    /// <summary>Bytes copied from the host so far.</summary>
    internal long BytesToDevice { get; private set; }

    /// <summary>Bytes copied to the host so far.</summary>
    internal long BytesToHost { get; private set; }

    public string Name => "emulated";

    public DeviceProperties Properties { get; } = new()
    {
        Name = $"emulated {GpuModel.H100.Name}", ComputeCapability = new(8, 0), Multiprocessors = GpuModel.H100.Multiprocessors, ClockKilohertz = (int)(GpuModel.H100.Clock / 1e3),
        MemoryBytes = memoryBytes, CacheBytes = 50 << 20, SharedPerBlock = EmulatedGpu.DefaultSharedBytes, SharedPerBlockAtMost = GpuModel.H100.SharedBytesPerBlock,
        SharedPerMultiprocessor = GpuModel.H100.SharedBytesPerBlock + 1024, RegistersPerMultiprocessor = 65536, ThreadsPerMultiprocessor = 2048,
        ThreadsPerBlock = EmulatedGpu.MaxBlockThreads, Driver = new(11, 8),
    };

    public void MakeCurrent() { }

    public nint LoadModule(ReadOnlySpan<byte> ptx)
    {
        Forbid(nameof(LoadModule), "loading a module while a stream is captured");
        modules.Add(Gpu.Load(PtxModule.Parse(ptx)));
        return modules.Count;
    }

    public nint Function(nint module, string name)
    {
        functions.Add(modules[(int)module - 1].Kernel(name));
        return functions.Count;
    }

    public FunctionAttributes Attributes(nint function)
    {
        PlacedKernel kernel = functions[(int)function - 1];
        return new(kernel.RegisterPressure, 0, kernel.StaticSharedBytes, kernel.MaxThreads);
    }

    public void AllowDynamicShared(nint function, int bytes) => functions[(int)function - 1].MaxDynamicShared = bytes;

    public void Launch(nint function, Dim3 grid, Dim3 block, int dynamicShared, nint stream, void** parameters, ReadOnlySpan<int> sizes)
    {
        PlacedKernel kernel = functions[(int)function - 1];
        Launch launch = new(grid, block, dynamicShared);
        if (capture?.Is(stream) != true)
        {
            Run(kernel, launch, parameters, sizes);
            return;
        }
        int[] lengths = sizes.ToArray();
        List<byte> values = [];
        for (int i = 0; i < lengths.Length; i++) values.AddRange(new ReadOnlySpan<byte>(parameters[i], lengths[i]));
        byte[] taken = [.. values];
        Do(stream, () => Run(kernel, launch, taken, lengths), nameof(Launch));
    }

    public nint Allocate(long bytes, nint stream)
    {
        Forbid(nameof(Allocate), "allocation while a stream is captured");
        if (Gpu.Memory.LiveBytes + bytes > memoryBytes) throw new CudaException(nameof(Allocate), 2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory");
        return (nint)Gpu.Memory.Allocate(bytes);
    }

    public void Free(nint address, nint stream)
    {
        Forbid(nameof(Free), "freeing memory while a stream is captured");
        Gpu.Memory.Free((ulong)address);
    }

    public void Trim() { }

    public (long Free, long Total) MemoryInfo() => (memoryBytes - Gpu.Memory.LiveBytes, memoryBytes);

    public nint AllocateHost(long bytes)
    {
        Forbid(nameof(AllocateHost), "page-locking memory while a stream is captured");
        nint address = (nint)NativeMemory.Alloc((nuint)bytes);
        pinned[address] = bytes;
        return address;
    }

    public void FreeHost(nint address)
    {
        Forbid(nameof(FreeHost), "freeing memory while a stream is captured");
        if (!pinned.Remove(address)) throw new InvalidOperationException($"{address:x} is no page-locked memory");
        NativeMemory.Free((void*)address);
    }

    public void CopyToDevice(nint host, nint device, long bytes, nint stream)
    {
        if (capture?.Is(stream) == true && !IsPinned(host, bytes)) capture.Forbid(nameof(CopyToDevice), "a captured copy between the device and memory that is not page-locked");
        Do(stream, () =>
        {
            Gpu.Memory.Write((ulong)device, new ReadOnlySpan<byte>((void*)host, checked((int)bytes)));
            BytesToDevice += bytes;
            Spend(bytes);
        }, nameof(CopyToDevice));
    }

    public void CopyToHost(nint device, nint host, long bytes, nint stream)
    {
        if (capture?.Is(stream) == true && !IsPinned(host, bytes)) capture.Forbid(nameof(CopyToHost), "a captured copy between the device and memory that is not page-locked");
        Do(stream, () =>
        {
            Gpu.Memory.Read((ulong)device, new Span<byte>((void*)host, checked((int)bytes)));
            BytesToHost += bytes;
            Spend(bytes);
        }, nameof(CopyToHost));
    }

    public void CopyWithin(nint from, nint to, long bytes, nint stream) => Do(stream, () =>
    {
        Gpu.Memory.Copy((ulong)to, (ulong)from, bytes);
        Spend(2 * bytes);
    }, nameof(CopyWithin));

    public void Fill8(nint at, byte value, long count, nint stream) => Do(stream, () =>
    {
        Gpu.Memory.Fill((ulong)at, [value], count);
        Spend(count);
    }, nameof(Fill8));

    public void Fill32(nint at, uint value, long count, nint stream) => Do(stream, () =>
    {
        Gpu.Memory.Fill((ulong)at, BitConverter.GetBytes(value), count);
        Spend(sizeof(uint) * count);
    }, nameof(Fill32));

    public nint CreateStream() => ++streams;
    public void DestroyStream(nint stream) { }

    public void Synchronize(nint stream)
    {
        if (capture?.Is(stream) == true) capture.Forbid(nameof(Synchronize), "a wait for the stream that is captured");
    }

    public bool IsIdle(nint stream)
    {
        if (capture?.Is(stream) == true) capture.Forbid(nameof(IsIdle), "a question to the stream that is captured");
        return true;
    }

    public nint CreateEvent(bool timed)
    {
        events.Add(null);
        return events.Count;
    }

    public void DestroyEvent(nint mark) { }

    public void Record(nint mark, nint stream)
    {
        if (capture?.Is(stream) == true) capture.NoteEvent(mark);
        Do(stream, () => events[(int)mark - 1] = Done, nameof(Record));
    }

    public void Wait(nint stream, nint mark)
    {
        if (capture?.Is(stream) == true && !capture.Has(mark)) capture.Forbid(nameof(Wait), "a stream that is captured to wait for work outside its capture");
    }

    public void WaitHere(nint mark)
    {
        if (capture?.Has(mark) == true) capture.Forbid(nameof(WaitHere), "a wait for an event that is captured");
    }

    public bool IsPast(nint mark)
    {
        if (capture?.Has(mark) == true) capture.Forbid(nameof(IsPast), "a question for an event that is captured");
        return true;
    }

    public double Seconds(nint from, nint to) => At(to).Seconds - At(from).Seconds;

    /// <summary>What was done between two marks that the GPU has come past.</summary>
    internal GpuCounters Between(nint from, nint to) => At(to) - At(from);

    public void BeginCapture(nint stream)
    {
        if (capture is not null) throw EmulatedCapture.Refused(nameof(BeginCapture), "a second capture");
        capture = new(stream);
    }

    public nint EndCapture(nint stream)
    {
        if (capture?.Is(stream) != true) throw EmulatedCapture.Refused(nameof(EndCapture), "the end of no capture");
        EmulatedCapture ended = capture;
        capture = null;
        graphs[++graphsMade] = ended.End(nameof(EndCapture));
        return graphsMade;
    }

    public nint Instantiate(nint graph)
    {
        instances[graph] = graphs[graph];
        return graph;
    }

    public void LaunchGraph(nint instance, nint stream)
    {
        GraphLaunches++;
        foreach (Action call in instances[instance]) Do(stream, call, nameof(LaunchGraph));
    }

    public void DestroyGraph(nint graph) => graphs.Remove(graph);
    public void DestroyInstance(nint instance) => instances.Remove(instance);

    public void Dispose()
    {
        Gpu.Dispose();
        host?.Dispose();
    }

    /// <summary>The GPU has done work of this cost that nothing executed here: a library's, or a copy.</summary>
    internal void Spend(in Cost cost, DType type = DType.Float32, bool tf32 = false) => Done += new GpuCounters(Gpu.Model.Estimate(cost, Gpu.Model.PeakOf(type, tf32)));

    void Spend(long bytes) => Spend(new Cost(0, bytes, ""));

    GpuCounters At(nint mark) => events[(int)mark - 1] ?? throw new InvalidOperationException($"event {mark} was never recorded");

    /// <summary>Makes a call of a stream, or notes it where the stream is captured.</summary>
    internal void Do(nint stream, Action call, string function)
    {
        if (capture?.Is(stream) == true) capture.Note(call, function);
        else call();
    }

    bool IsPinned(nint host, long bytes)
    {
        foreach ((nint at, long size) in pinned) if (host >= at && host + bytes <= at + size) return true;
        return false;
    }

    void Forbid(string function, string what) => capture?.Forbid(function, what);

    /// <summary>A launch with the values of its parameters as they were when it was captured, one behind the other.</summary>
    void Run(PlacedKernel kernel, in Launch launch, byte[] values, int[] sizes)
    {
        void** parameters = stackalloc void*[sizes.Length];
        fixed (byte* first = values)
        {
            byte* at = first;
            for (int i = 0; i < sizes.Length; at += sizes[i++]) parameters[i] = at;
            Run(kernel, launch, parameters, sizes);
        }
    }

    void Run(PlacedKernel kernel, in Launch launch, void** parameters, ReadOnlySpan<int> sizes)
    {
        LaunchCounters counters = kernel.Launch(launch, parameters, sizes);
        Done += new GpuCounters(counters, Gpu.Model.Estimate(counters));
        Launched?.Invoke(kernel.Name, counters);
    }
}
