using System.Security.Cryptography;
using System.Text;

namespace MiniTorch.Models;

/// <summary>Pictures in files with a class each. Only their names are held; a picture is decoded when it is read, and its size is its own. Read scales it to the sample's shape as a whole.</summary>
public sealed class PictureFiles : IDataset
{
    readonly string folder;
    readonly (string Name, int Label)[] files;

    /// <summary>Files by their names below a folder, and how large their samples are to be.</summary>
    internal PictureFiles(string folder, (string Name, int Label)[] files, IReadOnlyList<string> classes, int size)
    {
        (this.folder, this.files, Classes, Sample) = (folder, files, classes, [size, size, 3]);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach ((string name, int label) in files) hash.AppendData(Encoding.UTF8.GetBytes($"{name}\n{classes[label]}\n"));
        Fingerprint = $"{Count} pictures {Sample}, {classes.Count} classes, {Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8))}";
    }

    /// <summary>Endings of files that are taken for pictures.</summary>
    internal static IReadOnlyList<string> Endings { get; } = [".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp"];

    /// <inheritdoc/>
    public int Count => files.Length;

    /// <inheritdoc/>
    public Shape Sample { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes { get; }

    /// <inheritdoc/>
    public string Fingerprint { get; }

    /// <summary>The file of a sample.</summary>
    public string File(int index) => Path.Combine(folder, files[index].Name);

    /// <inheritdoc/>
    public int Label(int index) => files[index].Label;

    /// <inheritdoc/>
    public bool Picture(int index, Bitmap to)
    {
        to.Read(File(index));
        return true;
    }

    /// <inheritdoc/>
    public void Read(int index, Span<float> to)
    {
        Canvas canvas = new();
        canvas.Picture.Read(File(index));
        PictureFit.Whole.Apply(canvas, Sample[0], Sample[1]);
        canvas.Picture.Give(to, Sample[2]);
    }
}
