using System.Diagnostics;

namespace MiniTorch;

/// <summary>
/// An op with several results, each a slice of its one storage. Backward gets the gradients of all of them at once, each where its consumers made it; nothing is copied
/// together.
/// </summary>
public abstract class MultiOutputOp : Op
{
    readonly Tensor?[] gradients;

    /// <summary>Records an op with so many results over these inputs.</summary>
    protected MultiOutputOp(int results, params ReadOnlySpan<Tensor?> inputs) : base(inputs) => gradients = new Tensor?[results];

    /// <summary>Given the gradients of the results, null where nothing came back, hands the gradient of each input to <paramref name="gradients"/>.</summary>
    protected abstract void Backward(ReadOnlySpan<Tensor?> dys, Gradients gradients);

    /// <summary>A result: the slice of a shape of the op's storage, which begins at an element; without an op, where nothing is recorded, the slice alone.</summary>
    protected static Tensor Result(MultiOutputOp? op, Tensor storage, int number, Shape shape, long firstElement)
    {
        Tensor slice = storage.View(shape, firstElement);
        return op is null ? slice : slice.From(new Part(op, storage, number));
    }

    /// <summary>Not called: the storage as a whole is nobody's input.</summary>
    protected sealed override void Backward(Tensor dy, Gradients gradients) => throw new UnreachableException();

    private protected sealed override bool HasGradient => Array.Exists(gradients, static g => g is not null);

    private protected sealed override void Differentiate() => Backward(gradients, Gradients.Instance);

    private protected sealed override void Release(Ending why)
    {
        base.Release(why);
        foreach (ref Tensor? g in gradients.AsSpan())
        {
            g?.Storage.DropOwner(why);
            g = null;
        }
    }

    void Take(int number, Tensor dy)
    {
        dy.Storage.AddOwner();
        gradients[number] = dy;
    }

    /// <summary>What a result's gradient passes through on its way to the op.</summary>
    sealed class Part(MultiOutputOp whole, Tensor storage, int number) : Op(storage)
    {
        protected override void Backward(Tensor dy, Gradients gradients) => whole.Take(number, dy);
    }
}
