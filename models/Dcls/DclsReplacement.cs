using MiniTorch.Ops;

namespace MiniTorch.Models;

public abstract partial class Dcls
{
    /// <summary>
    /// A factory that puts DCLS in the place of a model's depthwise convolutions, as the official packages do: <paramref name="count"/> taps in a window of
    /// <paramref name="size"/> (odd), initial weights and bias as the model wants them, else normal of deviation 0.02 and 0. Positions (and widths) are shared by the official rule: a layer wider than all before it
    /// gets its own, any other uses those of the layer before; in a network that widens from stage to stage that is one set a stage. With <paramref name="shared"/> false
    /// every layer has its own. <paramref name="only"/> replaces kernels of that plain size alone (the official FastViT: 7).
    /// </summary>
    public static Depthwise Official(string version, int size, int count, bool shared = true, int? only = null, Convention convention = Convention.Centered)
    {
        Interpolation interpolation = Interpolation.Parse(version);
        DclsOptions options = new() { Convention = convention };
        Sharing sharing = new(shared);
        Expect(size);
        return (at, channels, kernelSize, bias, weightInit, biasInit) => only is { } replaced && kernelSize != replaced
            ? Conv2d.Depthwise(at, channels, kernelSize, bias, weightInit, biasInit)
            : sharing.Next(at, channels, owner => new(at, channels, channels, count, size, padding: size / 2, groups: channels, bias: bias, version: interpolation,
                options: options with { SharedWith = owner, WeightInit = weightInit ?? weights, BiasInit = biasInit ?? Inits.Zeros }));
    }

    /// <summary>The same for the spatial convolutions of a <see cref="ResNet"/>, which are not depthwise: their stride stays.</summary>
    public static SpatialConv OfficialDense(string version, int size, int count, bool shared = true, Convention convention = Convention.Centered)
    {
        Interpolation interpolation = Interpolation.Parse(version);
        DclsOptions options = new() { Convention = convention, WeightInit = weights };
        Sharing sharing = new(shared);
        Expect(size);
        return (at, channels, stride) => sharing.Next(at, channels, owner => new(at, channels, channels, count, size, stride, padding: size / 2, bias: false, version: interpolation,
            options: options with { SharedWith = owner }));
    }

    static readonly Init weights = Inits.Normal(0.02);

    static void Expect(int size)
    {
        if (size % 2 == 0) throw new TensorException($"Dcls.Official: a window of even size cannot keep the size of the maps, got {size}; use {size - 1} or {size + 1}");
    }

    /// <summary>Whose positions a layer uses: its own if it is wider than all before it in its model, else those of the layer before.</summary>
    sealed class Sharing(bool shared)
    {
        ParameterStore? store;          // begins anew in each model
        int widest;
        Dcls? owner;

        internal Dcls2d Next(ParameterScope at, int channels, Func<Dcls?, Dcls2d> make)
        {
            if (at.Store != store) (store, widest) = (at.Store, 0);
            bool own = !shared || channels > widest;
            Dcls2d layer = make(own ? null : owner);
            if (own) (widest, owner) = (channels, layer);
            return layer;
        }
    }

    /// <summary>
    /// Replaces the depthwise convolutions of a stored model: the tensors of the same model built with <paramref name="replacement"/>, where all but the replaced layers are
    /// the checkpoint's and those start from initial values drawn from <paramref name="seed"/>. The start of fine-tuning a published plain model as a DCLS one. Which layers
    /// are replaced follows from building the model, not from the shapes of tensors, which do not tell a depthwise weight from others. An
    /// <see cref="InvalidDataException"/> names every tensor that does not fit.
    /// </summary>
    public static Dictionary<string, StoredTensor> Convert(IReadOnlyDictionary<string, StoredTensor> checkpoint, Func<ParameterScope, Depthwise, ILayer> build,
        Depthwise replacement, ulong seed = 0)
    {
        DclsLayers layers = new();
        (_, ParameterStore store) = ParameterStore.Build(at => build(at, layers.Collect(replacement)), seed: seed);
        using ParameterStore owner = store;
        Safetensors all = new();
        store.Save(all);
        if (layers.All.Count == 0) throw new InvalidDataException("no layer of the model is replaced");
        CheckpointProblems problems = new(static name => name);
        foreach ((string name, StoredTensor initial) in all.Tensors.ToArray())
        {
            if (Replaced(name)) continue;
            if (!checkpoint.TryGetValue(name, out StoredTensor? stored)) problems.Missing(name);
            else if (stored.Shape != initial.Shape) problems.Shape(name, stored.Shape, initial.Shape);
            else all.Tensors[name] = stored;
        }
        foreach (string name in checkpoint.Keys.Where(name => !all.Tensors.ContainsKey(name) && !Replaced(name))) problems.Unexpected(name);
        problems.Throw();
        return new(all.Tensors);

        bool Replaced(string name) => layers.All.Any(layer => name.StartsWith(layer.Path + ".", StringComparison.Ordinal));
    }

    /// <summary>
    /// Draws the kernels of a stored DCLS model once and for all: the tensors of the plain model whose depthwise kernels have the size of the window, for inference and for
    /// export to programs that do not know DCLS.
    /// </summary>
    public static Dictionary<string, StoredTensor> Bake(IReadOnlyDictionary<string, StoredTensor> checkpoint, Func<ParameterScope, Depthwise, ILayer> build, Depthwise depthwise)
    {
        DclsLayers layers = new();
        (_, ParameterStore store) = ParameterStore.Build(at => build(at, layers.Collect(depthwise)), file: checkpoint);
        using ParameterStore owner = store;
        Dictionary<string, StoredTensor> baked = new(checkpoint);
        foreach (Dcls layer in layers.All)
        {
            using BakedDcls fixedLayer = layer.Bake();
            baked[layer.Path + ".weight"] = AxisOrder.Kernel.ToFile(StoredTensor.Of(fixedLayer.Kernel));
            baked.Remove(layer.Path + ".P");
            baked.Remove(layer.Path + ".SIG");
        }
        return baked;
    }
}
