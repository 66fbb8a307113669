namespace MiniTorch.Cuda;

/// <summary>The modules and kernels that a device has loaded.</summary>
sealed class LoadedKernels(ICudaDriver driver)
{
    internal struct Kernel
    {
        internal nint Handle;

        /// <summary>Most dynamic shared memory that the driver lets a launch ask for.</summary>
        internal int DynamicShared;
    }

    readonly Dictionary<CudaModule, nint> modules = [];
    Kernel[] kernels = new Kernel[64];

    /// <summary>A kernel that can be launched with so much dynamic shared memory.</summary>
    internal nint Ready(CudaFunction function, int dynamicShared)
    {
        if (function.Index >= kernels.Length) Array.Resize(ref kernels, Math.Max(2 * kernels.Length, function.Index + 1));
        ref Kernel kernel = ref kernels[function.Index];
        if (kernel.Handle == 0)
        {
            kernel.Handle = driver.Function(Load(function.Module), function.Entry);
            kernel.DynamicShared = driver.Properties.SharedPerBlock - driver.Attributes(kernel.Handle).StaticSharedBytes;
        }
        if (dynamicShared > kernel.DynamicShared)
        {
            driver.AllowDynamicShared(kernel.Handle, dynamicShared);
            kernel.DynamicShared = dynamicShared;
        }
        return kernel.Handle;
    }

    nint Load(CudaModule module)
    {
        if (!modules.TryGetValue(module, out nint handle)) modules[module] = handle = driver.LoadModule(module.Read());
        return handle;
    }
}
