using MiniTorch.Models;

namespace MiniTorch.Tests.Data;

/// <summary>Sound files, sample rates, the ear.</summary>
public sealed class AudioTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>The format of WAVE files written out by hand: a header of 16 or 40 bytes, other chunks between, two channels.</summary>
    static byte[] Wave(int format, int bits, int channels, byte[] data, int rate = 8000, bool extensible = false, uint? length = null)
    {
        using MemoryStream to = new();
        using BinaryWriter w = new(to);
        w.Write("RIFF"u8); w.Write(0); w.Write("WAVE"u8);
        w.Write("LIST"u8); w.Write(3); w.Write(new byte[4]);            // odd chunks are padded
        w.Write("fmt "u8); w.Write(extensible ? 40 : 16); w.Write((ushort)(extensible ? 0xFFFE : format)); w.Write((ushort)channels); w.Write(rate);
        w.Write(rate * channels * bits / 8); w.Write((ushort)(channels * bits / 8)); w.Write((ushort)bits);
        if (extensible) { w.Write((ushort)22); w.Write((ushort)bits); w.Write(3); w.Write((ushort)format); w.Write(new byte[14]); }
        w.Write("data"u8); w.Write(length ?? (uint)data.Length); w.Write(data);
        return to.ToArray();
    }

    public static TheoryData<int, int, byte[], float[]> Formats => new()
    {
        { 1, 8, [128, 192, 0, 255], [0, 0.5f, -1, 127 / 128f] },
        { 1, 16, [0, 0, 0, 0x40, 0, 0x80, 0xFF, 0x7F], [0, 0.5f, -1, 32767 / 32768f] },
        { 1, 24, [0, 0, 0x40, 0, 0, 0x80, 1, 0, 0], [0.5f, -1, 1 / 8388608f] },
        { 1, 32, [0, 0, 0, 0xC0], [-0.5f] },
        { 3, 32, [0, 0, 0x80, 0x3E], [0.25f] },
        { 3, 64, [0, 0, 0, 0, 0, 0, 0xE0, 0xBF], [-0.5f] },
    };

    [Theory, MemberData(nameof(Formats))]
    public void Wave_files_of_every_format(int format, int bits, byte[] data, float[] expected)
    {
        Assert.Equal(expected, WaveFile.Parse(Wave(format, bits, 1, data), "x").Samples);
        WaveFile file = WaveFile.Parse(Wave(format, bits, 1, data, extensible: true, length: 0x7FFF_F000), "x");
        Assert.Equal((8000, expected.Length), (file.SampleRate, file.Samples.Length));
    }

    [Fact]
    public void Channels_are_mixed() => Assert.Equal([0.25f, -0.25f], WaveFile.Parse(Wave(1, 8, 2, [128, 192, 64, 128]), "x").Samples);

    [Fact]
    public void Bad_wave_files_are_told_in_one_line()
    {
        byte[] good = Wave(1, 16, 1, new byte[100]);
        Told("not a WAVE file", "no sound at all"u8.ToArray());
        Told("is truncated: 60 of 100 bytes", good[..^40]);
        Told("holds no sound", good[..30]);
        Told("format 2 with 4 bits", Wave(2, 4, 1, new byte[8]));
        Told("0 channels", Wave(1, 16, 0, new byte[8]));

        void Told(string what, byte[] bytes)
        {
            string path = Path.Combine(folder, "x.wav");
            File.WriteAllBytes(path, bytes);
            string message = Assert.Throws<InvalidDataException>(() => SoundFile.Read(path, 8000)).Message;
            Assert.Contains(path, message, StringComparison.Ordinal);
            Assert.Contains(what, message, StringComparison.Ordinal);
        }
    }

    /// <summary>A tone below half of both rates stays the same tone; one above the lower half is gone.</summary>
    [Theory, InlineData(16000, 8000), InlineData(22050, 16000), InlineData(8000, 16000)]
    public void Resampling_keeps_tones(int from, int to)
    {
        float[] y = Resampling.To(to, new([.. Tone(700, from)], from));
        Assert.Equal(to, y.Length, to / 1000.0);
        double[] expected = [.. Tone(700, to).Select(static v => (double)v)];
        for (int i = to / 10; i < 9 * to / 10; i++) Assert.Equal(expected[i], y[i], 2e-3);
        if (to < from)
        {
            float[] silent = Resampling.To(to, new([.. Tone(0.62 * to, from)], from));
            Assert.True(silent[(to / 10)..(9 * to / 10)].Max() < 0.02, "a tone that the lower rate cannot carry is left");
        }

        static IEnumerable<float> Tone(double hz, int rate) => Enumerable.Range(0, rate).Select(n => (float)Math.Sin(2 * Math.PI * hz * n / rate));
    }

    /// <summary>The band that fires most is the one whose centre on the ERB-rate scale, 21.4 log₁₀(1 + 4.37 f/1000), lies nearest; loudness does not matter.</summary>
    [Theory, InlineData(200), InlineData(1000), InlineData(3500)]
    public void A_tone_makes_its_own_band_fire(double hz)
    {
        const int Units = 40;
        AuditoryNerve nerve = new(Units);
        float[] tone = [.. Enumerable.Range(0, AuditoryNerve.SampleRate / 2).Select(n => (float)Math.Sin(2 * Math.PI * hz * n / AuditoryNerve.SampleRate))];
        List<Spike> spikes = nerve.Listen(tone);
        int[] counts = new int[Units];
        foreach (Spike s in spikes) counts[s.Unit]++;
        double Rate(double f) => 21.4 * Math.Log10(1 + 4.37 * f / 1000);
        double expected = (Rate(hz) - Rate(60)) / (Rate(7400) - Rate(60)) * (Units - 1);
        double centre = counts.Select(static (c, unit) => (double)c * unit).Sum() / spikes.Count;
        Assert.InRange(centre, expected - 1.5, expected + 1.5);
        Assert.Equal(counts.Max(), counts[(int)Math.Round(expected)]);
        Assert.Equal(spikes.OrderBy(static s => s.Time).ThenBy(static s => s.Unit), spikes);
        Assert.Equal(spikes, nerve.Listen([.. tone.Select(static x => x * 0.25f)]));
        Assert.Empty(nerve.Listen(new float[1000]));
    }

    [Fact]
    public void A_folder_of_speech_commands()
    {
        foreach (string word in (ReadOnlySpan<string>)["yes", "no", "_background_noise_"])
        {
            Directory.CreateDirectory(Path.Combine(folder, word));
            for (int i = 0; i < 3; i++) File.WriteAllBytes(Path.Combine(folder, word, $"{i}.wav"), Wave(1, 16, 1, [.. Enumerable.Range(0, 2 * 12000).Select(static n => (byte)(n % 7))], 16000));
        }
        File.WriteAllText(Path.Combine(folder, "validation_list.txt"), "yes/1.wav\n");
        File.WriteAllText(Path.Combine(folder, "testing_list.txt"), "no/0.wav\nno/2.wav\n");
        (SpeechCommands train, SpeechCommands validation, SpeechCommands test) = SpeechCommands.From(folder);
        Assert.Equal((3, 1, 2), (train.Count, validation.Count, test.Count));
        Assert.Equal(["no", "yes"], train.Classes);
        Assert.Equal([0, 1, 1], Enumerable.Range(0, 3).Select(train.Label));
        Assert.Equal([101, 140], train.Sample.Dims.ToArray());
        float[] x = new float[101 * 140];
        train.Read(0, x);
        Assert.All(Enumerable.Range(0, 101), frame => Assert.Equal(-100, x[frame * 140 + 139]));           // above half the sample rate: nothing
        Assert.True(x.Max() > -60);
        File.WriteAllText(Path.Combine(folder, "testing_list.txt"), "no/7.wav\n");
        Assert.Contains("lacks no/7.wav", Assert.Throws<InvalidDataException>(() => SpeechCommands.From(folder)).Message, StringComparison.Ordinal);
    }
}
