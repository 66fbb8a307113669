namespace MiniTorch.Cuda;

/// <summary>PTX that lies beside an op and is embedded in its assembly: LayerNorm.ptx. A device loads it when it first launches one of its kernels.</summary>
class CudaModule(Type op, string name)
{
    /// <summary>A kernel of the module whose one parameter is TArgs, field by field.</summary>
    internal CudaFunction<TArgs> Function<TArgs>(string entry) where TArgs : unmanaged => new(this, entry);

    /// <summary>The same kernel for either type of elements: <c>entry</c> and <c>entry_bf16</c>.</summary>
    internal TypedFunction<TArgs> Typed<TArgs>(string entry) where TArgs : unmanaged => new(new(this, entry), new(this, entry + TypedFunction.Brain));

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

/// <summary>A kernel that one template of a .cu file makes for either type of elements.</summary>
abstract class TypedFunction
{
    /// <summary>How the names of kernels end whose elements are bf16.</summary>
    internal const string Brain = "_bf16";

    /// <summary>How the names of kernels end whose elements are T.</summary>
    internal static string Suffix<T>() where T : unmanaged => typeof(T) == typeof(BFloat16) ? Brain : "";

    /// <summary>The kernels of all types.</summary>
    internal abstract IReadOnlyList<CudaFunction> All { get; }
}

/// <summary>A kernel for either type of elements, each of which takes a TArgs by value.</summary>
sealed class TypedFunction<TArgs>(CudaFunction<TArgs> single, CudaFunction<TArgs> brain) : TypedFunction where TArgs : unmanaged
{
    internal override IReadOnlyList<CudaFunction> All => [single, brain];

    /// <summary>The one for elements T.</summary>
    internal CudaFunction<TArgs> For<T>() where T : unmanaged => typeof(T) == typeof(BFloat16) ? brain : single;
}
