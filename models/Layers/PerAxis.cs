using System.Runtime.CompilerServices;

namespace MiniTorch.Models;

/// <summary>A number for every spatial axis: one for all (<c>7</c>) or one for each (<c>[2, 16]</c>).</summary>
[CollectionBuilder(typeof(PerAxis), nameof(Create))]
public readonly struct PerAxis
{
    readonly int[]? values;
    readonly int all;

    PerAxis(int all, int[]? values) => (this.all, this.values) = (all, values);

    /// <summary>The same number for all axes.</summary>
    public static implicit operator PerAxis(int all) => new(all, null);

    /// <summary>One number for each axis.</summary>
    public static PerAxis Create(ReadOnlySpan<int> values) => new(0, values.ToArray());

    /// <summary>The numbers for this many axes; an error if another number of axes was given.</summary>
    public int[] For(int rank)
    {
        if (values is null) return [.. Enumerable.Repeat(all, rank)];
        return values.Length == rank ? values : throw new TensorException($"{rank} axes need one number or {rank}, got [{string.Join(", ", values)}]");
    }

    /// <summary>Lets the numbers be enumerated; a single number counts once.</summary>
    public IEnumerator<int> GetEnumerator() => ((IEnumerable<int>)(values ?? [all])).GetEnumerator();
}
