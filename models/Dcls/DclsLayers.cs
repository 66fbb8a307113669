namespace MiniTorch.Models;

/// <summary>
/// The DCLS layers of a model, whose kernels are drawn together: a model's forward opens with <see cref="Draw"/>, one launch for all layers of a version, and each layer then
/// takes its own. A layer that is used alone draws its own, the same to the last bit.
/// </summary>
public sealed class DclsLayers
{
    readonly List<Dcls> layers = [];

    /// <summary>The layers, as they were declared.</summary>
    public IReadOnlyList<Dcls> All => layers;

    /// <summary>Takes a layer of the model in, and hands it through.</summary>
    public L Add<L>(L layer) where L : ILayer
    {
        if (layer is Dcls dcls) layers.Add(dcls);
        return layer;
    }

    /// <summary>The same factory; the DCLS layers that it makes are taken in.</summary>
    public Depthwise Collect(Depthwise factory)
        => (at, channels, kernelSize, bias, weightInit, biasInit) => Add(factory(at, channels, kernelSize, bias, weightInit, biasInit));

    /// <summary>Draws the kernels of all layers. They are the layers' until disposed: <c>using (layers.Draw()) { … }</c> around the forward pass.</summary>
    public Drawn Draw()
    {
        (Dcls[] Layers, Tensor[] Kernels)[] drawn = [.. layers.GroupBy(static d => d.Version).Select(static alike => (alike.ToArray(), alike.Key.Draw([.. alike.Select(static d => d.Taps)])))];
        foreach ((Dcls[] some, Tensor[] kernels) in drawn)          // when all are drawn: a failure leaves no layer with a kernel
            for (int i = 0; i < some.Length; i++) some[i].Drawn = kernels[i];
        return new(layers);
    }

    /// <summary>Ends with <c>using</c>.</summary>
    public readonly ref struct Drawn
    {
        readonly List<Dcls> layers;

        internal Drawn(List<Dcls> layers) => this.layers = layers;

        /// <summary>From here on each layer draws its own kernel.</summary>
        public void Dispose()
        {
            foreach (Dcls layer in layers ?? []) layer.Drawn = null;           // none: default, where nothing was drawn
        }
    }
}
