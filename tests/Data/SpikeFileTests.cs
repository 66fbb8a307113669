using MiniTorch.Models;

namespace MiniTorch.Tests.Data;

/// <summary>Files of spikes. spikes16.h5 and spikes32.h5 were written by h5py, with times in half and in single precision, and say the same.</summary>
public sealed class SpikeFileTests : IDisposable
{
    const int Frames = 60, Channels = 140;

    readonly string folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    static string Reference(string name) => Path.Combine(AppContext.BaseDirectory, "Golden", name);

    [Theory, InlineData("spikes16.h5"), InlineData("spikes32.h5")]
    public void Reads_what_h5py_wrote(string name)
    {
        using SpikeFile file = new(Reference(name));
        Assert.Equal(["zero", "one", "null"], file.Classes);
        Assert.Equal([0, 3, 3, 1], file.Speakers);
        Assert.Equal([2, 0, 1, 2], Enumerable.Range(0, file.Count).Select(file.Label));
        Assert.Equal([new Spike(0.5f, 0), new(0.5078125f, 699), new(0.53125f, 5), new(1, 4)], file.Spikes(0));
        Assert.Empty(file.Spikes(2));
        Assert.Equal([69, Channels], file.Sample.Dims.ToArray());          // ⌈(0.8125 − 0.125) / 0.01⌉
    }

    /// <summary>Frames are counted from the first spike, five units make a channel, what is late falls into the last frame.</summary>
    [Fact]
    public void Counts_spikes_in_frames_and_channels()
    {
        using SpikeFile file = new(Reference("spikes16.h5"), Frames);
        Assert.Equal([(0, 0, 1), (0, 139, 1), (3, 1, 1), (50, 0, 1)], Counted(0));
        Assert.Equal([(0, 64, 1)], Counted(1));
        Assert.Empty(Counted(2));
        Assert.Equal([(0, 2, 2), (12, 2, 1), (59, 3, 1), (59, 139, 1)], Counted(3));
        using SpikeFile slow = new(Reference("spikes16.h5"), 3, channels: 700, frameSeconds: 0.25);
        float[] x = new float[3 * 700];
        slow.Read(3, x);
        Assert.Equal([10, 11, 14, 2 * 700 + 15, 2 * 700 + 699], Enumerable.Range(0, x.Length).Where(i => x[i] == 1));

        (int, int, int)[] Counted(int index)
        {
            float[] values = new float[Frames * Channels];
            values.AsSpan().Fill(7);
            file.Read(index, values);
            return [.. Enumerable.Range(0, values.Length).Where(i => values[i] != 0).Select(i => (i / Channels, i % Channels, (int)values[i]))];
        }
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        RandomStream random = new(5, 0);
        SpikeSample[] samples = [.. Enumerable.Range(0, 9).Select(i => new SpikeSample([.. Enumerable.Range(0, random.NextInt(40)).Select(t => new Spike(t / 64f, (ushort)random.NextInt(140)))], i % 3, i % 4))];
        string path = Path.Combine(folder, "made.h5");
        SpikeWriter.Write(path, samples, ["a", "b", "ß"], 140, ["one", "two", "three", "four"]);
        using SpikeFile file = new(path);
        Assert.Equal(["a", "b", "ß"], file.Classes);
        for (int i = 0; i < samples.Length; i++)
        {
            Assert.Equal(samples[i].Spikes, file.Spikes(i));
            Assert.Equal((samples[i].Label, samples[i].Speaker), (file.Label(i), file.Speakers[i]));
        }
        Assert.Equal([path], Directory.GetFiles(folder));
    }

    [Fact]
    public void The_embedded_digits()
    {
        (SpikeFile train, SpikeFile held) = SpokenDigits.Embedded();
        using (train)
        using (held)
        {
            Assert.Equal((1100, 380), (train.Count, held.Count));
            Assert.Equal(SpokenDigits.Words, train.Classes);
            Assert.Equal([90, 140], train.Sample.Dims.ToArray());
            Assert.Empty(train.Speakers.Intersect(held.Speakers));
            Assert.All(Enumerable.Range(0, 20), label => Assert.Equal((55, 19), (Of(train, label), Of(held, label))));
            float[] x = new float[90 * 140];
            train.Read(0, x);
            Assert.InRange(x.Average(), 0.02, 0.15);

            static int Of(SpikeFile file, int label) => Enumerable.Range(0, file.Count).Count(i => file.Label(i) == label);
        }
    }

    [Fact]
    public void A_damaged_or_foreign_file_is_told_in_one_line()
    {
        byte[] good = File.ReadAllBytes(Reference("spikes16.h5"));
        string path = Path.Combine(folder, "x.h5");
        foreach (byte[] bytes in (byte[][])[[], "no HDF5"u8.ToArray(), good[..100], good[..2000], good[..6000], good[..^4000]])
        {
            File.WriteAllBytes(path, bytes);
            Told(() => Use(path), path);
        }
        PureHDF.H5File foreign = new() { ["labels"] = new[] { 1, 2 } };
        foreign.Write(path);
        Told(() => Use(path), path, "no spikes/times");
        SpikeWriter.Write(path, [new([new(0, 300)], 0)], ["a"], 140);
        Told(() => Use(path), path, "unit 300 in recording 0");
        Told(() => Use(Reference("spikes16.h5"), 300), "300 units cannot be summed to 140 channels");
        Assert.Throws<FileNotFoundException>(() => new SpikeFile(Path.Combine(folder, "missing.h5")));

        static void Use(string path, int? units = null)
        {
            using SpikeFile file = new(path, Frames, unitCount: units);
            for (int i = 0; i < file.Count; i++) file.Read(i, new float[Frames * Channels]);
        }

        static void Told(Action act, params string[] parts)
        {
            Exception e = Assert.ThrowsAny<Exception>(act);
            Assert.True(e is InvalidDataException or ArgumentException, e.ToString());
            Assert.DoesNotContain('\n', e.Message);
            Assert.All(parts, part => Assert.Contains(part, e.Message, StringComparison.Ordinal));
        }
    }
}
