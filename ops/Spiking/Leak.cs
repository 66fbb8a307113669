namespace MiniTorch.Ops;

/// <summary>The share 1/τ of its state that a neuron or a synapse loses in a step: a constant, or sigmoid(w) of a learned w.</summary>
static unsafe class Leak
{
    /// <summary>1/τ in every lane.</summary>
    internal static V Rate<T, V>(Pointer w, double constant) where T : unmanaged where V : struct, ILanes<V, T>
        => w.IsNull ? V.Of(constant) : default(Sigmoid).Value(V.All(*w.As<T>()));

    /// <summary>dw from what the blocks left of it, in their order.</summary>
    internal static void Sum<T>(double* parts, int blocks, T* dw) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        double sum = 0;
        for (int block = 0; block < blocks; block++) sum += parts[block];
        *dw = T.CreateTruncating(sum);
    }
}
