namespace MiniTorch.Cuda;

/// <summary>
/// One GPU as a CUDA driver offers it, with that driver's handles and meanings; every failure is a <see cref="CudaException"/>. Calls are made by a thread on which
/// <see cref="MakeCurrent"/> was called. Device addresses never are host pointers to its callers.
/// </summary>
unsafe interface ICudaDriver : IDisposable
{
    /// <summary>What follows "cuda:" in the device's name: its ordinal, or emulated.</summary>
    string Name { get; }

    /// <summary>What the GPU is.</summary>
    DeviceProperties Properties { get; }

    /// <summary>Makes this GPU the one that calls of the calling thread mean.</summary>
    void MakeCurrent();

    /// <summary>Loads a module from PTX text, which need not end with a zero.</summary>
    nint LoadModule(ReadOnlySpan<byte> ptx);

    /// <summary>A kernel of a module.</summary>
    nint Function(nint module, string name);

    /// <summary>What a kernel needs.</summary>
    FunctionAttributes Attributes(nint function);

    /// <summary>Allows launches of a kernel with up to so many bytes of dynamic shared memory; needed above 48 KiB.</summary>
    void AllowDynamicShared(nint function, int bytes);

    /// <summary>
    /// Queues a launch. Each entry of parameters points to the value of one kernel parameter, of so many bytes; it is read before the call returns. Only the emulator can
    /// compare the sizes with what the kernel declares.
    /// </summary>
    void Launch(nint function, Dim3 grid, Dim3 block, int dynamicShared, nint stream, void** parameters, ReadOnlySpan<int> sizes);

    /// <summary>Memory from the driver's pool, usable by what is queued on the stream from now on.</summary>
    nint Allocate(long bytes, nint stream);

    /// <summary>Back to the driver's pool once what is queued on the stream has ended.</summary>
    void Free(nint address, nint stream);

    /// <summary>The driver's pool gives what is not in use back to the GPU.</summary>
    void Trim();

    /// <summary>Free and total bytes of the GPU.</summary>
    (long Free, long Total) MemoryInfo();

    /// <summary>Page-locked host memory: copies from and to it are asynchronous.</summary>
    nint AllocateHost(long bytes);

    void FreeHost(nint address);

    void CopyToDevice(nint host, nint device, long bytes, nint stream);
    void CopyToHost(nint device, nint host, long bytes, nint stream);
    void CopyWithin(nint from, nint to, long bytes, nint stream);

    /// <summary>Writes a byte count times.</summary>
    void Fill8(nint at, byte value, long count, nint stream);

    /// <summary>Writes a 32-bit word count times.</summary>
    void Fill32(nint at, uint value, long count, nint stream);

    /// <summary>A queue that does not wait for the driver's default queue.</summary>
    nint CreateStream();

    void DestroyStream(nint stream);

    /// <summary>Waits until the queue is empty.</summary>
    void Synchronize(nint stream);

    /// <summary>True if the queue is empty.</summary>
    bool IsIdle(nint stream);

    /// <summary>A mark that can be put into a queue; a timed one takes the time when the queue comes past it.</summary>
    nint CreateEvent(bool timed);

    void DestroyEvent(nint mark);
    void Record(nint mark, nint stream);

    /// <summary>What is queued on the stream from now on waits until the mark's queue has come past it.</summary>
    void Wait(nint stream, nint mark);

    /// <summary>The calling thread waits until the mark's queue has come past it.</summary>
    void WaitHere(nint mark);

    /// <summary>True if the mark's queue has come past it.</summary>
    bool IsPast(nint mark);

    /// <summary>Seconds between two timed marks that their queue has come past.</summary>
    double Seconds(nint from, nint to);

    /// <summary>From now on the stream's calls are noted down instead of run.</summary>
    void BeginCapture(nint stream);

    /// <summary>The calls since <see cref="BeginCapture"/> as a graph.</summary>
    nint EndCapture(nint stream);

    /// <summary>A graph made ready to run; it no longer needs the graph.</summary>
    nint Instantiate(nint graph);

    /// <summary>Queues all calls of an instantiated graph.</summary>
    void LaunchGraph(nint instance, nint stream);

    void DestroyGraph(nint graph);
    void DestroyInstance(nint instance);
}
