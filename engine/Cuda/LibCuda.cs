using System.Runtime.InteropServices;

namespace MiniTorch.Cuda;

/// <summary>The driver's functions by their exported names, whose meaning never changes; found by <see cref="CudaLibraries"/>. Each returns a status, 0 for success.</summary>
static unsafe partial class LibCuda
{
    internal const string Name = "cuda";

    [LibraryImport(Name)] internal static partial int cuInit(uint flags);
    [LibraryImport(Name)] internal static partial int cuDriverGetVersion(int* version);
    [LibraryImport(Name)] internal static partial int cuGetErrorName(int status, byte** text);
    [LibraryImport(Name)] internal static partial int cuGetErrorString(int status, byte** text);

    [LibraryImport(Name)] internal static partial int cuDeviceGetCount(int* count);
    [LibraryImport(Name)] internal static partial int cuDeviceGet(int* device, int ordinal);
    [LibraryImport(Name)] internal static partial int cuDeviceGetName(byte* name, int length, int device);
    [LibraryImport(Name)] internal static partial int cuDeviceTotalMem_v2(nuint* bytes, int device);
    [LibraryImport(Name)] internal static partial int cuDeviceGetAttribute(int* value, DeviceAttribute attribute, int device);
    [LibraryImport(Name)] internal static partial int cuDevicePrimaryCtxRetain(nint* context, int device);
    [LibraryImport(Name)] internal static partial int cuDevicePrimaryCtxRelease_v2(int device);
    [LibraryImport(Name)] internal static partial int cuCtxSetCurrent(nint context);

    [LibraryImport(Name)] internal static partial int cuModuleLoadDataEx(nint* module, byte* image, uint options, JitOption* names, void** values);
    [LibraryImport(Name)] internal static partial int cuModuleGetFunction(nint* function, nint module, byte* name);
    [LibraryImport(Name)] internal static partial int cuModuleUnload(nint module);
    [LibraryImport(Name)] internal static partial int cuFuncGetAttribute(int* value, FunctionAttribute attribute, nint function);
    [LibraryImport(Name)] internal static partial int cuFuncSetAttribute(nint function, FunctionAttribute attribute, int value);
    [LibraryImport(Name)]
    internal static partial int cuLaunchKernel(nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, nint stream,
        void** parameters, void** extra);

    [LibraryImport(Name)] internal static partial int cuMemGetInfo_v2(nuint* free, nuint* total);
    [LibraryImport(Name)] internal static partial int cuMemAllocAsync(ulong* address, nuint bytes, nint stream);
    [LibraryImport(Name)] internal static partial int cuMemFreeAsync(ulong address, nint stream);
    [LibraryImport(Name)] internal static partial int cuDeviceGetDefaultMemPool(nint* pool, int device);
    [LibraryImport(Name)] internal static partial int cuMemPoolSetAttribute(nint pool, PoolAttribute attribute, void* value);
    [LibraryImport(Name)] internal static partial int cuMemPoolTrimTo(nint pool, nuint keep);
    [LibraryImport(Name)] internal static partial int cuMemHostAlloc(void** address, nuint bytes, uint flags);
    [LibraryImport(Name)] internal static partial int cuMemFreeHost(void* address);
    [LibraryImport(Name)] internal static partial int cuMemcpyHtoDAsync_v2(ulong to, void* from, nuint bytes, nint stream);
    [LibraryImport(Name)] internal static partial int cuMemcpyDtoHAsync_v2(void* to, ulong from, nuint bytes, nint stream);
    [LibraryImport(Name)] internal static partial int cuMemcpyDtoDAsync_v2(ulong to, ulong from, nuint bytes, nint stream);
    [LibraryImport(Name)] internal static partial int cuMemsetD8Async(ulong at, byte value, nuint count, nint stream);
    [LibraryImport(Name)] internal static partial int cuMemsetD32Async(ulong at, uint value, nuint count, nint stream);

    [LibraryImport(Name)] internal static partial int cuStreamCreateWithPriority(nint* stream, uint flags, int priority);
    [LibraryImport(Name)] internal static partial int cuStreamDestroy_v2(nint stream);
    [LibraryImport(Name)] internal static partial int cuStreamSynchronize(nint stream);
    [LibraryImport(Name)] internal static partial int cuStreamQuery(nint stream);
    [LibraryImport(Name)] internal static partial int cuStreamWaitEvent(nint stream, nint mark, uint flags);
    [LibraryImport(Name)] internal static partial int cuEventCreate(nint* mark, uint flags);
    [LibraryImport(Name)] internal static partial int cuEventDestroy_v2(nint mark);
    [LibraryImport(Name)] internal static partial int cuEventRecord(nint mark, nint stream);
    [LibraryImport(Name)] internal static partial int cuEventQuery(nint mark);
    [LibraryImport(Name)] internal static partial int cuEventSynchronize(nint mark);
    [LibraryImport(Name)] internal static partial int cuEventElapsedTime(float* milliseconds, nint from, nint to);

    [LibraryImport(Name)] internal static partial int cuStreamBeginCapture_v2(nint stream, int mode);
    [LibraryImport(Name)] internal static partial int cuStreamEndCapture(nint stream, nint* graph);
    [LibraryImport(Name)] internal static partial int cuGraphInstantiateWithFlags(nint* instance, nint graph, ulong flags);
    [LibraryImport(Name)] internal static partial int cuGraphLaunch(nint instance, nint stream);
    [LibraryImport(Name)] internal static partial int cuGraphDestroy(nint graph);
    [LibraryImport(Name)] internal static partial int cuGraphExecDestroy(nint instance);
}

enum DeviceAttribute
{
    MaxThreadsPerBlock = 1, MaxSharedMemoryPerBlock = 8, ClockRate = 13, MultiprocessorCount = 16, L2CacheSize = 38, MaxThreadsPerMultiprocessor = 39,
    ComputeCapabilityMajor = 75, ComputeCapabilityMinor = 76, MaxSharedMemoryPerMultiprocessor = 81, MaxRegistersPerMultiprocessor = 82,
    MaxSharedMemoryPerBlockOptin = 97, MemoryPoolsSupported = 115,
}

enum FunctionAttribute { MaxThreadsPerBlock = 0, SharedSizeBytes = 1, LocalSizeBytes = 3, NumRegs = 4, MaxDynamicSharedSizeBytes = 8 }

enum JitOption { ErrorLogBuffer = 5, ErrorLogBufferSizeBytes = 6 }

enum PoolAttribute { ReleaseThreshold = 4 }
