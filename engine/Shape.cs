using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace MiniTorch;

/// <summary>Sizes of a tensor's dimensions, outermost first; up to eight, held inline, so that a shape costs no allocation.</summary>
[CollectionBuilder(typeof(Shape), nameof(Create))]
public readonly struct Shape : IEquatable<Shape>
{
    /// <summary>The largest number of dimensions a shape can have.</summary>
    public const int MaxRank = 8;

    [InlineArray(MaxRank)]
    struct Sizes { int first; }

    readonly Sizes sizes;

    Shape(ReadOnlySpan<int> dims)
    {
        if (dims.Length > MaxRank) throw new TensorException($"a shape has at most {MaxRank} dimensions, got {dims.Length}");
        foreach (int d in dims) if (d < 0) throw new TensorException($"a dimension is never negative, got [{string.Join(", ", dims.ToArray())}]");
        dims.CopyTo(sizes);
        Rank = dims.Length;
    }

    /// <summary>A shape of the given sizes; also what the collection expression <c>[8, 56, 56, 96]</c> calls.</summary>
    public static Shape Create(ReadOnlySpan<int> dims) => new(dims);

    /// <summary>Number of dimensions; 0 for a scalar.</summary>
    public int Rank { get; }

    /// <summary>The sizes as a span.</summary>
    [UnscopedRef] public ReadOnlySpan<int> Dims => ((ReadOnlySpan<int>)sizes)[..Rank];

    /// <summary>Size of one dimension; <c>^1</c> is the last.</summary>
    public int this[Index i] => Dims[i];

    /// <summary>Lets a shape be enumerated.</summary>
    [UnscopedRef] public ReadOnlySpan<int>.Enumerator GetEnumerator() => Dims.GetEnumerator();

    /// <summary>Number of elements: the product of the sizes, 1 for a scalar.</summary>
    public long Count
    {
        get
        {
            long count = 1;
            foreach (int d in Dims) count *= d;
            return count;
        }
    }

    /// <summary>Product of the sizes of dimensions [from, to).</summary>
    public int Product(int from, int to)
    {
        long product = 1;
        for (int i = from; i < to; i++) product *= sizes[i];
        return checked((int)product);
    }

    /// <summary>The same shape with one dimension of another size; <c>^1</c> is the last.</summary>
    public Shape With(Index dim, int size)
    {
        Span<int> d = stackalloc int[Rank];
        Dims.CopyTo(d);
        d[dim] = size;
        return new(d);
    }

    /// <summary>Turns a dimension number that may count from the end (-1 is the last) into one that counts from the start.</summary>
    public int Dim(int dim)
    {
        int d = dim < 0 ? dim + Rank : dim;
        return d >= 0 && d < Rank ? d : throw new TensorException($"dimension {dim} does not exist in a tensor of shape {this}");
    }

    /// <summary>Equal rank and equal sizes.</summary>
    public bool Equals(Shape other) => Dims.SequenceEqual(other.Dims);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape s && Equals(s);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (int d in Dims) hash.Add(d);
        return hash.ToHashCode();
    }

    /// <summary>Equal rank and equal sizes.</summary>
    public static bool operator ==(Shape a, Shape b) => a.Equals(b);

    /// <summary>Different rank or different sizes.</summary>
    public static bool operator !=(Shape a, Shape b) => !a.Equals(b);

    /// <summary>The sizes in brackets: [8, 56, 56, 96].</summary>
    public override string ToString() => "[" + string.Join(", ", Dims.ToArray()) + "]";
}
