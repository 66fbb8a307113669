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

    /// <summary>The numbers for this many axes; an error that names the argument if another number of axes was given.</summary>
    internal int[] For(int rank, string name)
    {
        if (values is null) return [.. Enumerable.Repeat(all, rank)];
        return values.Length == rank ? values : throw new TensorException($"{name} has one number or {rank}, one for each axis, got [{string.Join(", ", values)}]");
    }

    /// <summary>Lets the numbers be enumerated; a single number counts once.</summary>
    public IEnumerator<int> GetEnumerator() => ((IEnumerable<int>)(values ?? [all])).GetEnumerator();
}

static class PerAxisExtension
{
    /// <summary>The numbers for this many axes.</summary>
    internal static int[] For(this PerAxis axes, int rank, [CallerArgumentExpression(nameof(axes))] string name = "") => axes.For(rank, name.Trim('(', ')').Split(' ')[0]);
}
