using MiniTorch.Cuda;

namespace MiniTorch;

/// <summary>
/// A GPU, with a pool over its driver's memory, a stream on which kernels run in order, and a second one for what the host copies to it. Launches return before they
/// have run; what reads results waits.
/// </summary>
public sealed unsafe partial class CudaDevice : Device
{
    const int Shown = 5;                            // largest tensors told when memory runs out

    [ThreadStatic] static ICudaDriver? current;     // whose calls this thread makes now

    readonly ICudaDriver driver;
    readonly Func<CudaDevice, IBlas?> openBlas;
    readonly Func<CudaDevice, IDnn?> openDnn;
    readonly nint compute, copy;
    readonly LoadedKernels kernels;
    readonly Staging staging;
    readonly Marks marks;
    IBlas? blas;
    IDnn? dnn;
    bool blasOpened, dnnOpened, disposed;

    internal CudaDevice(ICudaDriver driver, Func<CudaDevice, IBlas?> blas, Func<CudaDevice, IDnn?> dnn, bool exactBlocks = false) : base(remembersTensors: true, exactBlocks)
    {
        (this.driver, openBlas, openDnn) = (driver, blas, dnn);
        Enter();
        (compute, copy) = (driver.CreateStream(), driver.CreateStream());
        kernels = new(driver);
        staging = new(driver, size => Allocate(size, size), compute, copy);
        marks = new(driver, compute);
    }

    /// <summary>Opens a GPU of this machine.</summary>
    /// <exception cref="CudaException">There is no driver, no such GPU, or it is one that is not supported; the message says which.</exception>
    public static CudaDevice Open(int ordinal = 0) => new(new NativeDriver(ordinal), static d => NativeBlas.Open(d), static d => NativeDnn.Open(d));

    /// <summary>
    /// A GPU that is executed by the processor, instruction by instruction: for finding faults, far too slow for work. Every tensor has memory of its own, so that each wrong address is told.
    /// Without libraries, matrix products and convolutions run on kernels of MiniTorch, as on a machine that has neither cuBLAS nor cuDNN.
    /// </summary>
    public static CudaDevice Emulated(bool libraries = true) => Emulated(new EmulatedDriver(), libraries);

    internal static CudaDevice Emulated(EmulatedDriver driver, bool libraries = true, bool exactBlocks = true)
        => new(driver, d => libraries ? new ServedBlas(d, driver) : null, d => libraries ? new ServedDnn(d, driver) : null, exactBlocks);

    /// <summary>Name, memory and limits of the GPU.</summary>
    internal DeviceProperties Properties => driver.Properties;

    /// <summary>What executes and counts where the GPU is an emulated one, whose times are estimates; null for a real one.</summary>
    internal EmulatedDriver? Emulator => driver as EmulatedDriver;

    /// <inheritdoc/>
    public override string Name => Properties.Name;

    /// <summary>Waits after each launch, so that a fault is told by the kernel that made it. For finding faults: nothing overlaps any more.</summary>
    public bool WaitsForLaunches { get; set; }

    /// <summary>
    /// Libraries may round the factors of float32 products to TF32 (10 bits of fraction), which tensor cores multiply several times faster. Kernels of MiniTorch never do. Off by
    /// default; what was captured before keeps what it was captured with.
    /// </summary>
    public bool AllowTf32 { get; set; }

    /// <summary>What a user should know about speed: libraries that were not found, a cache of forms that is of no use. Opens the libraries.</summary>
    public IReadOnlyList<string> Notes =>
    [
        .. Blas is null ? (ReadOnlySpan<string>)[$"{this}: cuBLAS was not found, matrix products run on kernels of MiniTorch; dcls doctor shows where it was searched"] : [],
        .. Blas is { Fuses: false } ? (ReadOnlySpan<string>)[$"{this}: cuBLASLt was not found, biases and their gradients take passes of their own; dcls doctor shows where it was searched"] : [],
        .. Dnn is null ? (ReadOnlySpan<string>)[$"{this}: cuDNN was not found, convolutions run on kernels of MiniTorch; dcls doctor shows where it was searched"] : [],
        .. Forms.Note is { } note ? (ReadOnlySpan<string>)[$"{this}: {note}"] : [],
    ];

    /// <summary>What has been slower so far than cuBLASLt would have made it, if it had a kernel; null if nothing was.</summary>
    public string? Slower => blas is { Refused: [_, ..] refused } ? $"{this}: cuBLASLt has no kernel for {string.Join(", ", refused)}: what follows these products took passes of its own" : null;

    /// <summary>The library of matrix products; null where there is none.</summary>
    internal IBlas? Blas
    {
        get
        {
            if (!blasOpened) (blas, blasOpened) = (openBlas(this), true);
            return blas;
        }
    }

    /// <summary>The library of convolutions; null where there is none.</summary>
    internal IDnn? Dnn
    {
        get
        {
            if (!dnnOpened) (dnn, dnnOpened) = (openDnn(this), true);
            return dnn;
        }
    }

    /// <summary>Launches and library calls so far.</summary>
    internal long Queued { get; private set; }

    /// <summary>The stream on which everything runs that computes.</summary>
    internal nint Compute => compute;

    /// <summary>Pool memory for what is queued until it is disposed; its contents are undefined. Later work may reuse it, as it runs later.</summary>
    internal Scratch Scratch(long bytes) => new(Pool, Pool.Take(bytes));

    /// <summary>
    /// Queues a kernel whose one parameter is the struct args, by value. An empty grid queues nothing. Dynamic shared memory is in bytes.
    /// </summary>
    internal void Launch<TArgs>(CudaFunction<TArgs> function, Dim3 grid, Dim3 block, in TArgs args, int dynamicShared = 0) where TArgs : unmanaged
    {
        Queue();
        if (grid.Count == 0) return;
        nint handle = kernels.Ready(function, dynamicShared);
        fixed (TArgs* parameter = &args)
        {
            void* parameters = parameter;
            driver.Launch(handle, grid, block, dynamicShared, compute, &parameters, [sizeof(TArgs)]);
        }
        if (WaitsForLaunches) WaitFor(function, grid, block, dynamicShared);
    }

    /// <summary>Registers and limits of a kernel.</summary>
    internal FunctionAttributes Attributes(CudaFunction function)
    {
        Enter();
        return driver.Attributes(kernels.Ready(function, 0));
    }

    /// <summary>Work is about to be queued by the calling thread.</summary>
    internal void Queue()
    {
        Enter();
        Queued++;
    }

    /// <inheritdoc/>
    public override void Synchronize()
    {
        Refuse("waits for the device");
        Enter();
        driver.Synchronize(compute);
    }

    internal override long Mark()
    {
        Enter();
        return marks.Note();
    }

    internal override double Seconds(long from, long to)
    {
        Enter();
        return marks.Seconds(from, to);
    }

    internal override GpuCounters? Counted(long from, long to)
    {
        if (Emulator is not { } emulator) return null;
        (nint first, nint last) = marks.Events(from, to);
        return emulator.Between(first, last);
    }

    internal override nint Allocate(long size, long used)
    {
        Refuse("takes memory that the same step did not take when it ran before");
        Enter();
        try
        {
            return driver.Allocate(size, compute);
        }
        catch (CudaException e) when (e.IsOutOfMemory)
        {
            GiveBack();
        }
        try
        {
            return driver.Allocate(size, compute);
        }
        catch (CudaException e) when (e.IsOutOfMemory)
        {
            throw new CudaException(FullOf(used), e);
        }
    }

    internal override void Free(nint address)
    {
        Enter();
        driver.Free(address, compute);
    }

    private protected override void Zero(nint at, long bytes)
    {
        Enter();
        if (bytes > 0) driver.Fill8(at, 0, bytes, compute);
    }

    /// <summary>By the driver where a value is a word, or two of it are; wider ones, which only lasting settings have, and an odd half come from the host.</summary>
    private protected override void Repeat<T>(nint at, T value, long count)
    {
        if (sizeof(T) == sizeof(ushort) && count % 2 == 0 && at % sizeof(uint) == 0)
        {
            uint half = *(ushort*)&value;
            Repeat(at, half << 16 | half, count / 2);
            return;
        }
        if (sizeof(T) != sizeof(uint))
        {
            T[] values = new T[count];
            Array.Fill(values, value);
            Write<T>(values, at);
            return;
        }
        Enter();
        if (count > 0) driver.Fill32(at, *(uint*)&value, count, compute);
    }

    private protected override void Move(nint from, nint to, long bytes)
    {
        Enter();
        if (bytes > 0) driver.CopyWithin(from, to, bytes, compute);
    }

    internal override void Read<T>(nint from, Span<T> to)
    {
        Refuse("reads values back to the host");
        Enter();
        fixed (T* host = to) staging.Read(from, (nint)host, (long)to.Length * sizeof(T));
    }

    internal override void Write<T>(ReadOnlySpan<T> from, nint to)
    {
        Refuse("writes values from the host");
        Enter();
        fixed (T* host = from) staging.Write((nint)host, to, (long)from.Length * sizeof(T));
    }

    internal override nint TakeHost(long bytes)
    {
        Enter();
        return driver.AllocateHost(bytes);
    }

    internal override void GiveHost(nint address, nint fence)
    {
        Enter();
        driver.FreeHost(address);
        if (fence != 0) driver.DestroyEvent(fence);
    }

    internal override void Send(nint host, nint to, long bytes)
    {
        Refuse("sends values from the host");
        Enter();
        staging.Send(host, to, bytes);
    }

    internal override nint Fence(nint fence)
    {
        Enter();
        if (fence == 0) fence = driver.CreateEvent(timed: false);
        driver.Record(fence, compute);
        return fence;
    }

    internal override void Pass(nint fence)
    {
        Enter();
        driver.WaitHere(fence);
    }

    /// <summary>Gives the GPU back. Its tensors cannot be read any more.</summary>
    public override void Dispose()
    {
        if (disposed) return;
        disposed = true;
        Synchronize();
        blas?.Dispose();
        dnn?.Dispose();
        staging.Dispose();
        marks.Dispose();
        GiveBack();
        driver.DestroyStream(copy);
        driver.DestroyStream(compute);
        driver.Dispose();
        current = null;
    }

    /// <summary>cuda:0.</summary>
    public override string ToString() => $"cuda:{driver.Name}";

    void Enter()
    {
        if (current == driver) return;
        driver.MakeCurrent();
        current = driver;
    }

    /// <summary>What the pool holds but nobody uses goes back to the GPU.</summary>
    void GiveBack()
    {
        Pool.Drain();
        driver.Synchronize(compute);
        driver.Trim();
    }

    string FullOf(long wanted)
    {
        (long free, long total) = driver.MemoryInfo();
        string[] largest = Array.ConvertAll(Pool.Largest(Shown), static t => $"{t.DType.Short()}{t.Shape} {Size(t.Shape.Count * t.DType.Size())}");
        return $"{this} is out of memory: asked for {Size(wanted)}, {Size(Pool.LiveBytes)} live in {Pool.LiveBlocks} blocks (peak {Size(Pool.PeakBytes)}), "
            + $"{Size(free)} of {Size(total)} free; largest tensors: {(largest.Length == 0 ? "none" : string.Join(", ", largest))}; use a smaller batch or model";
    }

    static string Size(long bytes) => bytes < 1 << 20 ? $"{bytes / 1024.0:0.0} KiB" : bytes < 1 << 30 ? $"{bytes / (double)(1 << 20):0.0} MiB" : $"{bytes / (double)(1 << 30):0.00} GiB";

    void WaitFor(CudaFunction function, Dim3 grid, Dim3 block, int dynamicShared)
    {
        try
        {
            driver.Synchronize(compute);
        }
        catch (CudaException e)
        {
            throw new CudaException($"{function.Entry} failed when it ran, grid {grid}, block {block}, {dynamicShared} bytes of dynamic shared memory: {e.Message}", e);
        }
    }
}
