namespace MiniTorch.Cuda;

/// <summary>PTX that lies beside an op and is embedded in its assembly: LayerNorm.ptx. A device loads it when it first launches one of its kernels.</summary>
sealed class CudaModule(Type op, string name)
{
    /// <summary>The file's name without its ending.</summary>
    internal string Name => name;

    /// <summary>A kernel of the module.</summary>
    internal CudaFunction Function(string entry) => new(this, entry);

    /// <summary>The text of the file.</summary>
    internal byte[] Read()
    {
        using Stream file = op.Assembly.GetManifestResourceStream($"{name}.ptx") ?? throw new InvalidOperationException($"{op.Assembly.GetName().Name} embeds no {name}.ptx");
        byte[] ptx = new byte[file.Length];
        file.ReadExactly(ptx);
        return ptx;
    }
}

/// <summary>A kernel of a module; a field of the op, so that a launch looks nothing up by name.</summary>
sealed class CudaFunction(CudaModule module, string entry)
{
    static int count;

    /// <summary>Its place in the devices' tables.</summary>
    internal readonly int Index = Interlocked.Increment(ref count) - 1;

    internal CudaModule Module => module;
    internal string Entry => entry;
}
