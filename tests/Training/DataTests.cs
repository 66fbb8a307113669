using System.Buffers.Binary;
using System.IO.Compression;
using MiniTorch.Models;

namespace MiniTorch.Tests.Training;

public sealed class DataTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Embedded_images_are_split_class_by_class()
    {
        (IDataset train, IDataset test) = FashionMnist.Embedded();
        Assert.Equal((8000, 2000), (train.Count, test.Count));
        Assert.Equal([28, 28, 1], train.Sample);
        Assert.All(Enumerable.Range(0, 2000).GroupBy(test.Label), static g => Assert.Equal(200, g.Count()));
        float[] image = new float[784];
        train.Read(0, image);
        Assert.All(image, static v => Assert.InRange(v, 0, 1));
        Assert.NotEqual(train.Fingerprint, test.Fingerprint);
    }

    [Theory]
    [InlineData("wrong magic", "not an IDX file")]
    [InlineData("truncated", "truncated")]
    [InlineData("truncated gz", "")]
    [InlineData("too long", "more than its sizes")]
    [InlineData("labels for images", "dimensions")]
    [InlineData("other counts", "labels")]
    [InlineData("missing", "has no train-images-idx3-ubyte")]
    public void Damaged_files_are_named_with_a_remedy(string damage, string message)
    {
        SmallIdx.Write(folder.Path, 20, 10);
        string images = Path.Combine(folder.Path, "train-images-idx3-ubyte");
        byte[] file = File.ReadAllBytes(images);
        switch (damage)
        {
            case "wrong magic": file[2] = 77; file[0] = 9; File.WriteAllBytes(images, file); break;
            case "truncated": File.WriteAllBytes(images, file[..^5]); break;
            case "truncated gz":
                using (MemoryStream zipped = new())
                {
                    using (GZipStream z = new(zipped, CompressionLevel.Fastest, leaveOpen: true)) z.Write(file);
                    File.WriteAllBytes(images + ".gz", zipped.ToArray()[..^(int)(zipped.Length / 2)]);
                    File.Delete(images);
                }
                break;
            case "too long": File.WriteAllBytes(images, [.. file, 1, 2]); break;
            case "labels for images": File.Copy(Path.Combine(folder.Path, "train-labels-idx1-ubyte"), images, overwrite: true); break;
            case "other counts":
                BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(4), 19);
                File.WriteAllBytes(images, file[..^100]);
                break;
            default: File.Delete(images); break;
        }
        Exception e = Assert.ThrowsAny<IOException>(() => damage == "missing" ? FashionMnist.From(folder.Path) : Wrap());
        Assert.Contains("train-images-idx3-ubyte", e.Message);
        Assert.Contains(message, e.Message);

        (IDataset, IDataset) Wrap()
        {
            try
            {
                return FashionMnist.From(folder.Path);
            }
            catch (InvalidDataException wrong)
            {
                throw new IOException(wrong.Message, wrong);
            }
        }
    }

    [Fact]
    public void An_epoch_entered_in_the_middle_gives_the_same_batches()
    {
        ArrayDataset data = SmallIdx.Array(50);
        using Loader loader = new(data, new(8, Seed: 7, Shuffle: true, DropLast: true, new Augmentation(2, true)));
        List<(float[] X, int[] Y)> whole = [.. loader.Epoch(3).Select(static b => (b.Images.ToArray<float>(), b.Labels.ToArray<int>()))];
        List<(float[] X, int[] Y)> rest = [.. loader.Epoch(3, 4).Select(static b => (b.Images.ToArray<float>(), b.Labels.ToArray<int>()))];
        Assert.Equal(6, whole.Count);
        Assert.Equal(whole[4..], rest, static (a, b) => a.X.SequenceEqual(b.X) && a.Y.SequenceEqual(b.Y));
        Assert.NotEqual(whole[0].Y.Concat(whole[1].Y), loader.Epoch(4).Take(2).SelectMany(static b => b.Labels.ToArray<int>()));
    }

    [Fact]
    public void Every_sample_comes_once_and_the_last_batch_may_be_smaller()
    {
        ArrayDataset data = new([.. Enumerable.Range(0, 10).Select(static i => (float)i)], new int[10], [1]);
        using Loader loader = new(data, new(4, Seed: 1, Shuffle: true) { Mean = [1], Deviation = [2] });
        int[] sizes = [.. loader.Epoch().Select(static b => b.Count)];
        Assert.Equal([4, 4, 2], sizes);
        Assert.Equal(Enumerable.Range(0, 10).Select(static i => (i - 1) / 2f), loader.Epoch(1).SelectMany(static b => b.Images.ToArray<float>()).Order());
    }

    [Fact]
    public void Augmentation_moves_and_mirrors_whole_pixels()
    {
        float[] source = [.. Enumerable.Range(1, 25).Select(static i => (float)i)];
        bool mirrored = false, moved = false;
        for (int index = 0; index < 40; index++)
        {
            float[] image = [.. source], again = [.. source];
            Moved(image, index);
            Moved(again, index);
            Assert.Equal(image, again);
            float centre = image[12];
            int side = Math.Sign(image[13] - centre), dy = 0, dx = 0;
            mirrored |= side < 0;
            for (int y = -1; y <= 1; y++)
                for (int x = -1; x <= 1; x++)
                    if (source[(2 - y) * 5 + 2 - x] == centre) (dy, dx) = (y, x);
            moved |= dy != 0 && dx != 0;
            Assert.Equal(side, (int)(image[12] - image[11]));
            Assert.Equal(dy == 0 ? 0 : 5, image.Chunk(5).Count(static row => row.All(static v => v == 0)) * 5);
        }
        Assert.True(mirrored && moved);

        static void Moved(float[] image, int index)
        {
            ArrayDataset data = new([.. Enumerable.Repeat(image, 40).SelectMany(static v => v)], new int[40], [5, 5, 1]);
            new SampleMaker(data, new(1, Seed: 9, Augmentation: new(1, true)), new([0], [1], data.Sample)).Make(index, 2, image, static _ => { });
        }
    }

    [Fact]
    public void Faults_of_a_dataset_reach_the_thread_that_asks()
    {
        using Loader loader = new(new Broken(), new(2));
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => loader.Epoch().Count());
        Assert.Contains("batch 1", e.Message);
    }

    [Theory]
    [InlineData("%PDF-1.7", "a PDF file")]
    [InlineData("0000ftypavif", "AVIF")]
    [InlineData("hello", "not a PNG, JPEG")]
    [InlineData("", "empty")]
    public void Other_formats_are_named(string content, string named)
    {
        string path = Path.Combine(folder.Path, "picture.png");
        File.WriteAllText(path, content);
        Assert.Contains(named, Assert.Throws<UnreadablePictureException>(() => new Bitmap().Read(path)).Message);
    }

    [Fact]
    public void Pictures_are_scaled_to_the_sample()
    {
        string path = Path.Combine(folder.Path, "picture.ppm");
        SmallBitmap.Write(path, 4, 4, static (x, y) => (byte)(x < 2 ? 255 : 0));
        float[] grey = new PictureFit(Filter: PictureFilter.Bilinear).Read(path, [2, 2, 1], out string done);
        Assert.Equal([219 / 255f, 36 / 255f, 219 / 255f, 36 / 255f], grey);        // the triangle reaches one pixel of four beyond the half: 1/7 of its weight there
        Assert.Equal("scaled from 4x4 to 2x2", done);
        Assert.Equal(8 * 8 * 3, new PictureFit().Read(path, [8, 8, 3], out done).Length);
        Assert.Equal("grey copied to three channels, scaled from 4x4 to 8x8", done);
    }

    sealed class Broken : IDataset
    {
        public int Count => 6;
        public Shape Sample => [1];
        public IReadOnlyList<string> Classes => ["a"];
        public int Label(int index) => 0;
        public void Read(int index, Span<float> to)
        {
            if (index == 3) throw new IOException("disk gone");
        }
    }
}
