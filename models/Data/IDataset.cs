namespace MiniTorch.Models;

/// <summary>Labelled samples, all of one shape, that can be read in any order and from any thread.</summary>
public interface IDataset
{
    /// <summary>Number of samples.</summary>
    int Count { get; }

    /// <summary>Shape of one sample, channels last: [h, w, c] for images.</summary>
    Shape Sample { get; }

    /// <summary>Names of the classes; a label is an index into them.</summary>
    IReadOnlyList<string> Classes { get; }

    /// <summary>Class of sample <paramref name="index"/>.</summary>
    int Label(int index);

    /// <summary>Copies sample <paramref name="index"/>, channels last, as it is stored: images in [0, 1]. The loader augments and normalises.</summary>
    void Read(int index, Span<float> to);

    /// <summary>Decodes the picture that sample <paramref name="index"/> is made of, of any size, for the loader to fit or augment; false where samples are stored as they are read.</summary>
    bool Picture(int index, Bitmap to) => false;

    /// <summary>What tells this data from other data; a run is only continued on data of the same fingerprint.</summary>
    string Fingerprint => $"{Count} samples {Sample}, {Classes.Count} classes";
}

/// <summary>Own arrays as a dataset: samples one after another, channels last, and a label each.</summary>
public sealed class ArrayDataset : IDataset
{
    readonly float[] values;
    readonly int[] labels;
    readonly int size;

    /// <summary>Takes the arrays as they are, without copying them. Classes are named by number unless names are given.</summary>
    public ArrayDataset(float[] values, int[] labels, Shape sample, IReadOnlyList<string>? classes = null)
    {
        size = checked((int)sample.Count);
        if (values.Length != (long)labels.Length * size)
            throw new ArgumentException($"{labels.Length} labels and samples of shape {sample} need {(long)labels.Length * size} values, got {values.Length}", nameof(values));
        int most = labels.Length == 0 ? 0 : labels.Max() + 1;
        if (labels.Any(static l => l < 0) || classes is not null && most > classes.Count)
            throw new ArgumentException($"labels must lie in [0, {classes?.Count ?? most}), got {labels.Min()} to {most - 1}", nameof(labels));
        (this.values, this.labels, Sample) = (values, labels, sample);
        Classes = classes ?? [.. Enumerable.Range(0, most).Select(static i => i.ToString())];
    }

    /// <inheritdoc/>
    public int Count => labels.Length;

    /// <inheritdoc/>
    public Shape Sample { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes { get; }

    /// <inheritdoc/>
    public int Label(int index) => labels[index];

    /// <inheritdoc/>
    public void Read(int index, Span<float> to) => values.AsSpan(index * size, size).CopyTo(to);
}

/// <summary>Some samples of another dataset, in the given order.</summary>
public sealed class Subset(IDataset all, int[] indices) : IDataset
{
    /// <inheritdoc/>
    public int Count => indices.Length;

    /// <inheritdoc/>
    public Shape Sample => all.Sample;

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes => all.Classes;

    /// <inheritdoc/>
    public int Label(int index) => all.Label(indices[index]);

    /// <inheritdoc/>
    public void Read(int index, Span<float> to) => all.Read(indices[index], to);

    /// <inheritdoc/>
    public bool Picture(int index, Bitmap to) => all.Picture(indices[index], to);

    /// <inheritdoc/>
    public string Fingerprint => $"{indices.Length} of {all.Fingerprint}";

    /// <summary>
    /// Cuts a dataset in two, class by class, by a fixed stride: of each class every <paramref name="every"/>-th sample, in stored order, goes to the second part.
    /// The same data is always cut the same way.
    /// </summary>
    public static (IDataset Kept, IDataset Taken) Split(IDataset all, int every)
    {
        int[] seen = new int[all.Classes.Count];
        List<int> rest = [], taken = [];
        for (int i = 0; i < all.Count; i++) (++seen[all.Label(i)] % every == 0 ? taken : rest).Add(i);
        return (new Subset(all, [.. rest]), new Subset(all, [.. taken]));
    }
}
