using System.Runtime.InteropServices;
using System.Text;
using static MiniTorch.Cuda.LibCuda;

namespace MiniTorch.Cuda;

/// <summary>A GPU of this machine, through libcuda. Its context is the primary one, which cuBLAS and cuDNN use as well.</summary>
sealed unsafe class NativeDriver : ICudaDriver
{
    const uint NonBlocking = 1, WithoutTime = 2;
    const int ThreadLocal = 1, LogBytes = 8192;

    readonly Dictionary<nint, string> kernels = [];     // names, for errors
    readonly int device;
    readonly nint context, pool;

    /// <summary>Opens the GPU of an ordinal.</summary>
    /// <exception cref="CudaException">There is no driver, no such GPU, or it is one that this program does not support.</exception>
    internal NativeDriver(int ordinal)
    {
        int count = Count(), version, handle;
        if (ordinal < 0 || ordinal >= count) throw new CudaException(nameof(cuDeviceGet), $"the driver has {count} GPUs, counted from 0; asked for {ordinal}");
        Check(cuDriverGetVersion(&version), nameof(cuDriverGetVersion));
        Check(cuDeviceGet(&handle, ordinal), nameof(cuDeviceGet));
        (device, Name) = (handle, $"{ordinal}");
        Properties = Examine(version);
        if (Properties.ComputeCapability < new Version(8, 0))
            throw new CudaException(nameof(cuDeviceGet), $"{Properties.Name} has compute capability {Properties.ComputeCapability}, 8.0 is needed");
        nint primary, memory;
        Check(cuDevicePrimaryCtxRetain(&primary, device), nameof(cuDevicePrimaryCtxRetain));
        context = primary;
        MakeCurrent();
        Check(cuDeviceGetDefaultMemPool(&memory, device), nameof(cuDeviceGetDefaultMemPool));
        pool = memory;
        ulong keep = ulong.MaxValue;        // memory stays with the process until it is trimmed
        Check(cuMemPoolSetAttribute(pool, PoolAttribute.ReleaseThreshold, &keep), nameof(cuMemPoolSetAttribute));
    }

    /// <summary>Number of GPUs.</summary>
    /// <exception cref="CudaException">There is no driver.</exception>
    internal static int Count()
    {
        if (!CudaLibraries.Driver.Found) throw new CudaException(nameof(cuInit), $"there is no CUDA driver: {CudaLibraries.Driver.Name} was not found");
        Check(cuInit(0), nameof(cuInit));
        int count;
        Check(cuDeviceGetCount(&count), nameof(cuDeviceGetCount));
        return count;
    }

    public string Name { get; }

    public DeviceProperties Properties { get; }

    public void MakeCurrent() => Check(cuCtxSetCurrent(context), nameof(cuCtxSetCurrent));

    public nint LoadModule(ReadOnlySpan<byte> ptx)
    {
        byte[] image = new byte[ptx.Length + 1];        // ends with a zero
        ptx.CopyTo(image);
        byte[] log = new byte[LogBytes];
        JitOption* options = stackalloc JitOption[] { JitOption.ErrorLogBuffer, JitOption.ErrorLogBufferSizeBytes };
        nint module;
        fixed (byte* text = image, errors = log)
        {
            void** values = stackalloc void*[] { errors, (void*)LogBytes };
            int status = cuModuleLoadDataEx(&module, text, 2, options, values);
            if (status != 0) throw Error(status, nameof(cuModuleLoadDataEx), Text(errors));
        }
        return module;
    }

    public nint Function(nint module, string name)
    {
        nint function;
        fixed (byte* text = Encoding.UTF8.GetBytes(name + '\0'))
        {
            int status = cuModuleGetFunction(&function, module, text);
            if (status != 0) throw Error(status, nameof(cuModuleGetFunction), name);
        }
        kernels[function] = name;
        return function;
    }

    public FunctionAttributes Attributes(nint function) => new(Attribute(function, FunctionAttribute.NumRegs), Attribute(function, FunctionAttribute.LocalSizeBytes),
        Attribute(function, FunctionAttribute.SharedSizeBytes), Attribute(function, FunctionAttribute.MaxThreadsPerBlock));

    public void AllowDynamicShared(nint function, int bytes)
    {
        int status = cuFuncSetAttribute(function, FunctionAttribute.MaxDynamicSharedSizeBytes, bytes);
        if (status != 0) throw Error(status, nameof(cuFuncSetAttribute), $"{bytes} bytes of dynamic shared memory for {kernels[function]}");
    }

    public void Launch(nint function, Dim3 grid, Dim3 block, int dynamicShared, nint stream, void** parameters, ReadOnlySpan<int> sizes)
    {
        int status = cuLaunchKernel(function, (uint)grid.X, (uint)grid.Y, (uint)grid.Z, (uint)block.X, (uint)block.Y, (uint)block.Z, (uint)dynamicShared, stream, parameters, null);
        if (status == 0) return;
        (string name, string text) = Words(status);
        throw new CudaException(nameof(cuLaunchKernel), status, name, text, kernels[function], grid, block, dynamicShared);
    }

    public nint Allocate(long bytes, nint stream)
    {
        ulong address;
        Check(cuMemAllocAsync(&address, (nuint)bytes, stream), nameof(cuMemAllocAsync));
        return (nint)address;
    }

    public void Free(nint address, nint stream) => Check(cuMemFreeAsync((ulong)address, stream), nameof(cuMemFreeAsync));

    public void Trim() => Check(cuMemPoolTrimTo(pool, 0), nameof(cuMemPoolTrimTo));

    public (long Free, long Total) MemoryInfo()
    {
        nuint free, total;
        Check(cuMemGetInfo_v2(&free, &total), nameof(cuMemGetInfo_v2));
        return ((long)free, (long)total);
    }

    public nint AllocateHost(long bytes)
    {
        void* address;
        Check(cuMemHostAlloc(&address, (nuint)bytes, 0), nameof(cuMemHostAlloc));
        return (nint)address;
    }

    public void FreeHost(nint address) => Check(cuMemFreeHost((void*)address), nameof(cuMemFreeHost));

    public void CopyToDevice(nint host, nint device, long bytes, nint stream)
        => Check(cuMemcpyHtoDAsync_v2((ulong)device, (void*)host, (nuint)bytes, stream), nameof(cuMemcpyHtoDAsync_v2));

    public void CopyToHost(nint device, nint host, long bytes, nint stream)
        => Check(cuMemcpyDtoHAsync_v2((void*)host, (ulong)device, (nuint)bytes, stream), nameof(cuMemcpyDtoHAsync_v2));

    public void CopyWithin(nint from, nint to, long bytes, nint stream)
        => Check(cuMemcpyDtoDAsync_v2((ulong)to, (ulong)from, (nuint)bytes, stream), nameof(cuMemcpyDtoDAsync_v2));

    public void Fill8(nint at, byte value, long count, nint stream) => Check(cuMemsetD8Async((ulong)at, value, (nuint)count, stream), nameof(cuMemsetD8Async));

    public void Fill32(nint at, uint value, long count, nint stream) => Check(cuMemsetD32Async((ulong)at, value, (nuint)count, stream), nameof(cuMemsetD32Async));

    public nint CreateStream()
    {
        nint stream;
        Check(cuStreamCreateWithPriority(&stream, NonBlocking, 0), nameof(cuStreamCreateWithPriority));
        return stream;
    }

    public void DestroyStream(nint stream) => Check(cuStreamDestroy_v2(stream), nameof(cuStreamDestroy_v2));
    public void Synchronize(nint stream) => Check(cuStreamSynchronize(stream), nameof(cuStreamSynchronize));
    public bool IsIdle(nint stream) => IsReady(cuStreamQuery(stream), nameof(cuStreamQuery));

    public nint CreateEvent(bool timed)
    {
        nint mark;
        Check(cuEventCreate(&mark, timed ? 0 : WithoutTime), nameof(cuEventCreate));
        return mark;
    }

    public void DestroyEvent(nint mark) => Check(cuEventDestroy_v2(mark), nameof(cuEventDestroy_v2));
    public void Record(nint mark, nint stream) => Check(cuEventRecord(mark, stream), nameof(cuEventRecord));
    public void Wait(nint stream, nint mark) => Check(cuStreamWaitEvent(stream, mark, 0), nameof(cuStreamWaitEvent));
    public void WaitHere(nint mark) => Check(cuEventSynchronize(mark), nameof(cuEventSynchronize));
    public bool IsPast(nint mark) => IsReady(cuEventQuery(mark), nameof(cuEventQuery));

    public double Seconds(nint from, nint to)
    {
        float milliseconds;
        Check(cuEventElapsedTime(&milliseconds, from, to), nameof(cuEventElapsedTime));
        return milliseconds / 1e3;
    }

    public void BeginCapture(nint stream) => Check(cuStreamBeginCapture_v2(stream, ThreadLocal), nameof(cuStreamBeginCapture_v2));

    public nint EndCapture(nint stream)
    {
        nint graph;
        Check(cuStreamEndCapture(stream, &graph), nameof(cuStreamEndCapture));
        return graph;
    }

    public nint Instantiate(nint graph)
    {
        nint instance;
        Check(cuGraphInstantiateWithFlags(&instance, graph, 0), nameof(cuGraphInstantiateWithFlags));
        return instance;
    }

    public void LaunchGraph(nint instance, nint stream) => Check(cuGraphLaunch(instance, stream), nameof(cuGraphLaunch));
    public void DestroyGraph(nint graph) => Check(cuGraphDestroy(graph), nameof(cuGraphDestroy));
    public void DestroyInstance(nint instance) => Check(cuGraphExecDestroy(instance), nameof(cuGraphExecDestroy));

    /// <summary>Gives the context back; modules and memory go with it when nobody else in the process holds it.</summary>
    public void Dispose() => Check(cuDevicePrimaryCtxRelease_v2(device), nameof(cuDevicePrimaryCtxRelease_v2));

    DeviceProperties Examine(int version)
    {
        const int MostLetters = 256;
        byte* name = stackalloc byte[MostLetters];
        nuint memory;
        Check(cuDeviceGetName(name, MostLetters, device), nameof(cuDeviceGetName));
        Check(cuDeviceTotalMem_v2(&memory, device), nameof(cuDeviceTotalMem_v2));
        if (Attribute(DeviceAttribute.MemoryPoolsSupported) == 0)
            throw new CudaException(nameof(cuDeviceGetAttribute), $"{Text(name)} has no stream-ordered memory pools");
        return new()
        {
            Name = Text(name),
            ComputeCapability = new(Attribute(DeviceAttribute.ComputeCapabilityMajor), Attribute(DeviceAttribute.ComputeCapabilityMinor)),
            Multiprocessors = Attribute(DeviceAttribute.MultiprocessorCount),
            ClockKilohertz = Attribute(DeviceAttribute.ClockRate),
            MemoryBytes = (long)memory,
            CacheBytes = Attribute(DeviceAttribute.L2CacheSize),
            SharedPerBlock = Attribute(DeviceAttribute.MaxSharedMemoryPerBlock),
            SharedPerBlockAtMost = Attribute(DeviceAttribute.MaxSharedMemoryPerBlockOptin),
            SharedPerMultiprocessor = Attribute(DeviceAttribute.MaxSharedMemoryPerMultiprocessor),
            RegistersPerMultiprocessor = Attribute(DeviceAttribute.MaxRegistersPerMultiprocessor),
            ThreadsPerMultiprocessor = Attribute(DeviceAttribute.MaxThreadsPerMultiprocessor),
            ThreadsPerBlock = Attribute(DeviceAttribute.MaxThreadsPerBlock),
            Driver = new(version / 1000, version % 1000 / 10),
        };
    }

    int Attribute(DeviceAttribute attribute)
    {
        int value;
        Check(cuDeviceGetAttribute(&value, attribute, device), nameof(cuDeviceGetAttribute));
        return value;
    }

    static int Attribute(nint function, FunctionAttribute attribute)
    {
        int value;
        Check(cuFuncGetAttribute(&value, attribute, function), nameof(cuFuncGetAttribute));
        return value;
    }

    static bool IsReady(int status, string function)
    {
        if (status == CudaException.NotReady) return false;
        Check(status, function);
        return true;
    }

    static void Check(int status, string function)
    {
        if (status != 0) throw Error(status, function);
    }

    static CudaException Error(int status, string function, string? detail = null)
    {
        (string name, string text) = Words(status);
        return new(function, status, name, string.IsNullOrEmpty(detail) ? text : $"{text}: {detail}");
    }

    static (string Name, string Text) Words(int status)
    {
        byte* name = null, text = null;
        return cuGetErrorName(status, &name) == 0 && cuGetErrorString(status, &text) == 0 ? (Text(name), Text(text)) : ("unknown error", "the driver has no words for it");
    }

    static string Text(byte* text) => (Marshal.PtrToStringUTF8((nint)text) ?? "").Trim();
}
