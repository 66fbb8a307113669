using System.Globalization;

namespace MiniTorch.Models;

/// <summary>A path into a store: <c>at["stages"][0]</c> is the prefix "stages.0". A layer's constructor declares its parameters through it.</summary>
public readonly struct ParameterScope
{
    readonly ParameterStore store;
    readonly string path;

    internal ParameterScope(ParameterStore store, string path) => (this.store, this.path) = (store, path);

    /// <summary>The scope of a named part.</summary>
    public ParameterScope this[string name] => new(store, Full(name));

    /// <summary>The scope of a numbered part.</summary>
    public ParameterScope this[int index] => this[index.ToString(CultureInfo.InvariantCulture)];

    /// <summary>Declares a trained tensor.</summary>
    public Tensor Parameter(string name, Shape shape, Init init, AxisOrder? order = null) => store.Declare(Full(name), shape, init, order ?? AxisOrder.Same, trained: true);

    /// <summary>Declares a tensor that is saved with the model but not trained: running statistics.</summary>
    public Tensor State(string name, Shape shape, Init init, AxisOrder? order = null) => store.Declare(Full(name), shape, init, order ?? AxisOrder.Same, trained: false);

    /// <summary>Gives a tensor declared elsewhere a second name; its gradients are summed.</summary>
    public Tensor Share(string name, Tensor x)
    {
        store.Share(Full(name), x);
        return x;
    }

    /// <summary>True unless a checkpoint is being read that lacks this name: asks for an optional part.</summary>
    public bool Has(string name) => store.Has(Full(name));

    /// <summary>A place that draws random bits, named by this path.</summary>
    public RandomSite Random(string name = "") => store.Site(Full(name));

    /// <summary>Passes over a name that foreign checkpoints have and this model does not need.</summary>
    public void Ignore(string name) => store.Ignore(Full(name));

    /// <summary>This scope, with <see cref="Ignore"/> of a name: for initialisers of fields.</summary>
    internal ParameterScope Without(string name)
    {
        Ignore(name);
        return this;
    }

    /// <summary>Registers a layer that keeps its parameters within bounds: <see cref="ParameterStore.Constrain()"/> asks it to after each update.</summary>
    public void Constrain(IConstrained layer) => store.Constrain(layer);

    internal ParameterStore Store => store;

    /// <summary>The full path: what a parameter declared here is prefixed with.</summary>
    public string Path => path;

    string Full(string name) => path.Length == 0 ? name : name.Length == 0 ? path : path + "." + name;
}
