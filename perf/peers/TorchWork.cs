using System.Runtime.InteropServices;
using MiniTorch;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Peers;

/// <summary>A work item in one of its formulations. Nothing computed is kept from one repetition to the next.</summary>
abstract class TorchWork : IDisposable
{
    Dictionary<string, StoredTensor>? results;

    /// <summary>Does the work once.</summary>
    internal abstract void Run();

    /// <summary>Bytes of the tensors that are there before the first repetition.</summary>
    internal abstract long OperandBytes { get; }

    /// <summary>Does the work once, says so, and copies what came out.</summary>
    internal virtual Dictionary<string, StoredTensor> Results(Action done)
    {
        Dictionary<string, StoredTensor> all = results = [];
        Run();
        done();
        results = null;
        return all;
    }

    public abstract void Dispose();

    /// <summary>A result; brought into the order of the other side and copied if somebody wants to see it, which nobody does while time is measured.</summary>
    protected void Result(string name, Tensor? x, params long[] order)
    {
        if (results is null || x is null) return;
        using Tensor ordered = order.Length == 0 ? x.alias() : x.permute(order);
        results[name] = Store(ordered);
    }

    /// <summary>A copy of a tensor as files hold it.</summary>
    internal static StoredTensor Store(Tensor x)
    {
        using Tensor dense = x.detach().contiguous();
        return new("F32", Shape.Create(Array.ConvertAll(x.shape, static d => (int)d)), MemoryMarshal.AsBytes(dense.data<float>().ToArray().AsSpan()).ToArray());
    }

    /// <summary>A tensor from a file, its dimensions taken in another order if one is given, dense in that order unless it shall be a view.</summary>
    internal static Tensor Load(Safetensors file, string name, long[]? order = null, bool view = false)
    {
        StoredTensor stored = file.Tensors[name];
        using Tensor flat = tensor(MemoryMarshal.Cast<byte, float>(stored.Bytes.Span).ToArray());
        using Tensor shaped = flat.reshape([.. stored.Shape.Dims.ToArray().Select(static d => (long)d)]);
        if (order is null) return shaped.alias();
        Tensor permuted = shaped.permute(order);
        if (view) return permuted;
        using (permuted) return permuted.contiguous();
    }

    /// <summary>Bytes of some tensors of float32.</summary>
    protected static long Bytes(params ReadOnlySpan<Tensor?> tensors)
    {
        long sum = 0;
        foreach (Tensor? x in tensors) sum += sizeof(float) * (x?.numel() ?? 0);
        return sum;
    }

    /// <summary>Gradients of y with respect to some leaves, each a new tensor.</summary>
    protected static Tensor[] Differentiate(Tensor y, Tensor seed, params Tensor[] leaves) => [.. autograd.grad([y], leaves, [seed])];
}
