using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>
/// A network that computes in bf16 on a CUDA device: its activations, and the parameters that meet them, rounded anew before each pass by one launch for all. The parameters
/// themselves, their gradients and what the network gives stay float32, and so do sums, statistics and everything that a layer computes from parameters alone (DCLS kernels).
/// </summary>
public sealed unsafe partial class MixedPrecision : ILayer, IDisposable
{
    readonly ILayer model;
    readonly Tensor[] parameters;
    readonly int[] firstBlocks;             // of each, and the number of all
    readonly Tensor rounded;

    /// <summary>Wraps a network whose parameters are in the store.</summary>
    public MixedPrecision(ILayer model, ParameterStore store)
    {
        _ = TypeOn(store.Device, Precision.BFloat16);
        if (model is ISpiking) throw new ArgumentException("spiking networks compute in float32: a membrane in bf16 would lose small inputs; train in float32");
        this.model = model;
        parameters = [.. store.Trainable.Select(static p => p.Tensor)];
        firstBlocks = new int[parameters.Length + 1];
        for (int i = 0; i < parameters.Length; i++) firstBlocks[i + 1] = firstBlocks[i] + Workers.Blocks(parameters[i].Count, BlockSize);
        rounded = Tensor.Lasting([firstBlocks[^1] * BlockSize], DType.BFloat16, store.Device);
    }

    /// <summary>Makes the device of a network ready for a precision; the network wrapped where that is bf16, else null. An <see cref="ArgumentException"/> says why the device cannot.</summary>
    internal static MixedPrecision? Of(Precision precision, ILayer model, ParameterStore store)
    {
        _ = TypeOn(store.Device, precision);
        return precision == Precision.BFloat16 ? new(model, store) : null;
    }

    /// <summary>The type of activations in a precision, for which a device is made ready; an <see cref="ArgumentException"/> says why it cannot.</summary>
    internal static DType TypeOn(Device device, Precision precision)
    {
        if (precision == Precision.BFloat16 && device is not (CudaDevice or ShapeDevice)) throw new ArgumentException($"bf16 is computed on a CUDA device only, got {device}; train in float32 or choose such a device");
        if (device is CudaDevice gpu) gpu.AllowTf32 = precision == Precision.Tf32;
        else if (precision == Precision.Tf32) throw new ArgumentException($"TF32 is a way of CUDA devices, got {device}; compute in float32 or choose such a device");
        return precision == Precision.BFloat16 ? DType.BFloat16 : DType.Float32;
    }

    /// <summary>x in float32 or bf16 to a result in float32.</summary>
    public Tensor Forward(Tensor x)
    {
        Pointer to = rounded.InPlace();
        Launch(round, to, static (p, i) => p.parameters[i]);
        RoundedParameters? op = Tape.Tracks(parameters) ? new(this) : null;
        if (op is not null) rounded.From(op);
        try
        {
            for (int i = 0; i < parameters.Length; i++) parameters[i].Rounded = RoundedParameters.Slice(this, op, i);
            return model.Forward(x.To(DType.BFloat16)).To(DType.Float32);
        }
        finally
        {
            foreach (Tensor parameter in parameters) parameter.Rounded = null;
        }
    }

    /// <summary>Frees the rounded parameters; the network and the store live on.</summary>
    public void Dispose() => rounded.Free();

    /// <summary>Launches over all that have a source, as many together as one launch takes.</summary>
    void Launch(Kernel<Args> kernel, Pointer to, Func<MixedPrecision, int, Tensor?> sourceOf)
    {
        Args args = new(to);
        for (int i = 0; i < parameters.Length; i++)
        {
            if (sourceOf(this, i) is not { } source) continue;
            args.Add(source, firstBlocks[i], source.Count);
            if (!args.IsFull) continue;
            kernel.Launch(rounded.Device, DType.Float32, args);
            args = new(to);
        }
        if (!args.IsEmpty) kernel.Launch(rounded.Device, DType.Float32, args);
    }

    /// <summary>All parameters rounded, each a slice of one storage. The gradients of those that were used come back together and are widened by one launch.</summary>
    sealed class RoundedParameters(MixedPrecision all) : MultiOutputOp(all.parameters.Length, all.parameters)
    {
        internal static Tensor Slice(MixedPrecision all, RoundedParameters? op, int i) => Result(op, all.rounded, i, all.parameters[i].Shape, (long)all.firstBlocks[i] * BlockSize);

        protected override void Backward(ReadOnlySpan<Tensor?> dys, Gradients gradients)
        {
            Tensor widened = Tensor.Empty(all.rounded.Shape, DType.Float32, all.rounded.Device);
            Tensor?[] sources = dys.ToArray();
            all.Launch(widen, widened, (_, i) => sources[i]);
            for (int i = 0; i < sources.Length; i++)
                if (sources[i] is not null) gradients.Add(all.parameters[i], widened.View(all.parameters[i].Shape, (long)all.firstBlocks[i] * BlockSize));
        }
    }
}

static class MixedPrecisionExtension
{
    /// <summary>A parameter, or what was computed from parameters, as it meets x: rounded where x is bf16.</summary>
    internal static Tensor For(this Tensor parameter, Tensor x) => x.DType == DType.BFloat16 ? parameter.To(DType.BFloat16) : parameter;
}
