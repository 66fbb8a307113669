namespace MiniTorch.Cuda.Emulation;

/// <summary>A module loaded on an emulated GPU: its variables have addresses, its kernels what the device has been told about them.</summary>
internal sealed class PlacedModule
{
    readonly EmulatedGpu gpu;
    readonly Dictionary<string, ulong> addresses = new(StringComparer.Ordinal);
    readonly Dictionary<string, PlacedKernel> kernels = new(StringComparer.Ordinal);

    internal PlacedModule(EmulatedGpu gpu, PtxModule module)
    {
        (this.gpu, Module) = (gpu, module);
        foreach (PtxVariable variable in module.Variables.Values)
        {
            ulong address = addresses[variable.Name] = gpu.Memory.Allocate(Math.Max(variable.Bytes, 1));
            gpu.Memory.Write(address, variable.Initial ?? new byte[variable.Bytes]);             // what has no initial value is 0
        }
    }

    internal PtxModule Module { get; }

    /// <summary>Kernel by name.</summary>
    internal PlacedKernel Kernel(string name)
    {
        if (!kernels.TryGetValue(name, out PlacedKernel? kernel)) kernels[name] = kernel = new(gpu, this, Module.Kernel(name));
        return kernel;
    }

    /// <summary>Address of a variable of the module.</summary>
    internal ulong AddressOf(string variable)
        => addresses.TryGetValue(variable, out ulong address) ? address : throw new EmulationException($"the module has no variable '{variable}'");

    /// <summary>Gives the variables' memory back.</summary>
    internal void Unload()
    {
        foreach (ulong address in addresses.Values) gpu.Memory.Free(address);
        addresses.Clear();
    }
}
