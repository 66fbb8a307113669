namespace MiniTorch.Cuda;

/// <summary>PTX that lies beside an op and is embedded in its assembly: LayerNorm.ptx. A device loads it when it first launches one of its kernels.</summary>
class CudaModule(Type op, string name)
{
    /// <summary>A kernel of the module whose one parameter is TArgs, field by field.</summary>
    internal CudaFunction<TArgs> Function<TArgs>(string entry) where TArgs : unmanaged => new(this, entry);

    /// <summary>The text that is loaded: the file.</summary>
    internal virtual byte[] Read()
    {
        using Stream file = op.Assembly.GetManifestResourceStream($"{name}.ptx") ?? throw new InvalidOperationException($"{op.Assembly.GetName().Name} embeds no {name}.ptx");
        byte[] ptx = new byte[file.Length];
        file.ReadExactly(ptx);
        return ptx;
    }
}

/// <summary>A kernel of a module; a field of the op, so that a launch looks nothing up by name.</summary>
abstract class CudaFunction(CudaModule module, string entry)
{
    static int count;

    /// <summary>Its place in the devices' tables.</summary>
    internal readonly int Index = Interlocked.Increment(ref count) - 1;

    internal CudaModule Module => module;
    internal string Entry => entry;
}

/// <summary>A kernel that takes a TArgs by value: a struct of pointers, 32-bit integers and floats, laid out like its twin in the .cu file.</summary>
sealed class CudaFunction<TArgs>(CudaModule module, string entry) : CudaFunction(module, entry) where TArgs : unmanaged;
