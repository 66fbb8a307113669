using System.Security.Cryptography;

namespace MiniTorch.Models;

/// <summary>
/// Grey images with a class each from a pair of IDX files. Fashion-MNIST (Zalando SE, 2017, MIT licence) has 70,000 images of 28×28; its 10,000 test images are
/// part of this library.
/// </summary>
public sealed class FashionMnist : IDataset
{
    const int HeldOutStride = 5;

    static readonly string[] clothes = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

    readonly byte[] pixels, labels;

    FashionMnist(IdxFile images, IdxFile labels, string imagesName, string labelsName, string source)
    {
        if (images.Sizes[0] != labels.Sizes[0])
            throw new InvalidDataException($"{imagesName} has {images.Sizes[0]} images but {labelsName} has {labels.Sizes[0]} labels; take both from the same set");
        (pixels, this.labels) = (images.Data, labels.Data);
        Sample = [images.Sizes[1], images.Sizes[2], 1];
        int most = this.labels.Max();
        Classes = most < clothes.Length ? clothes : [.. Enumerable.Range(0, most + 1).Select(static i => i.ToString())];
        byte[] hash = SHA256.HashData([.. SHA256.HashData(pixels), .. SHA256.HashData(this.labels)]);
        Fingerprint = $"{source}, {Count} images {Sample}, {Convert.ToHexStringLower(hash.AsSpan(0, 8))}";
    }

    /// <inheritdoc/>
    public int Count => labels.Length;

    /// <inheritdoc/>
    public Shape Sample { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes { get; }

    /// <inheritdoc/>
    public string Fingerprint { get; }

    /// <inheritdoc/>
    public int Label(int index) => labels[index];

    /// <inheritdoc/>
    public void Read(int index, Span<float> to)
    {
        ReadOnlySpan<byte> image = pixels.AsSpan(index * to.Length, to.Length);
        for (int i = 0; i < to.Length; i++) to[i] = image[i] / 255f;
    }

    /// <summary>
    /// The embedded 10,000 images, split once and for all: of each class every fifth image, in stored order, is held out. 8,000 for training, 2,000 held out.
    /// </summary>
    public static (IDataset Train, IDataset HeldOut) Embedded()
    {
        const string images = "t10k-images-idx3-ubyte.gz", labels = "t10k-labels-idx1-ubyte.gz";
        return Subset.Split(new FashionMnist(Resource(images, 3), Resource(labels, 1), images, labels, "embedded Fashion-MNIST"), HeldOutStride);
    }

    /// <summary>A folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each plain or with .gz.</summary>
    public static (IDataset Train, IDataset HeldOut) From(string folder)
    {
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"the data folder {folder} does not exist; give a folder with train-images-idx3-ubyte[.gz] and its three companions");
        FashionMnist train = Pair("train"), test = Pair("t10k");
        if (train.Sample != test.Sample) throw new InvalidDataException($"{folder}: training images are {train.Sample}, test images {test.Sample}; take both from the same set");
        return (train, test);

        FashionMnist Pair(string part)
        {
            string images = Find($"{part}-images-idx3-ubyte"), labels = Find($"{part}-labels-idx1-ubyte");
            return new(IdxFile.Read(images, 3), IdxFile.Read(labels, 1), images, labels, $"{part} set");
        }

        string Find(string name)
        {
            string plain = Path.Combine(folder, name), zipped = plain + ".gz";
            return File.Exists(plain) ? plain : File.Exists(zipped) ? zipped
                : throw new FileNotFoundException($"{folder} has no {name} nor {name}.gz; "
                    + "Debian's package dataset-fashion-mnist puts the full set into /usr/share/datasets/fashion-mnist");
        }
    }

    static IdxFile Resource(string name, int dimensions)
    {
        using Stream stream = typeof(FashionMnist).Assembly.GetManifestResourceStream(name)!;
        return IdxFile.Read(stream, name, dimensions);
    }
}
