using MiniTorch.Models;

namespace MiniTorch.Tests.Data;

public sealed class NoisySpikesTests
{
    const int Frames = 400, Channels = 3;

    static ArrayDataset One(Func<int, int, float> value)
    {
        float[] values = new float[Frames * Channels];
        for (int i = 0; i < values.Length; i++) values[i] = value(i / Channels, i % Channels);
        return new ArrayDataset(values, [0], [Frames, Channels]);
    }

    [Fact]
    public void Spikes_move_by_as_much_as_was_asked_for_and_none_is_lost()
    {
        float[] to = new float[Frames * Channels];
        new NoisySpikes(One(static (t, c) => t == 200 && c == 1 ? 20_000 : 0), jitter: 4, noise: 0).Read(0, to);
        double count = 0, mean = 0, square = 0;
        for (int i = 0; i < to.Length; i++)
        {
            if (i % Channels != 1) Assert.Equal(0, to[i]);
            (count, mean, square) = (count + to[i], mean + to[i] * (i / Channels - 200.0), square + to[i] * Math.Pow(i / Channels - 200, 2));
        }
        Assert.Equal(20_000, count);
        Assert.Equal(0, mean / count, 0.12);
        Assert.Equal(Math.Sqrt(16 + 1 / 12.0), Math.Sqrt(square / count), 0.1);         // rounding to frames adds 1/12
    }

    [Fact]
    public void Noise_falls_everywhere_alike_and_the_same_twice()
    {
        NoisySpikes data = new(One(static (_, _) => 0), jitter: 0, noise: 0.1, seed: 3);
        float[] once = new float[Frames * Channels], twice = new float[Frames * Channels];
        data.Read(0, once);
        data.Read(0, twice);
        Assert.Equal(once, twice);
        Assert.Equal(0.1, once.Average(), 0.03);
        Assert.Contains("noise 0.1", data.Fingerprint);
    }

    [Fact]
    public void Images_are_refused() => Assert.Contains("spikes [frames, channels]", Assert.Throws<ArgumentException>(static () => new NoisySpikes(new ArrayDataset(new float[8], [0, 0], [2, 2, 1]), 1, 0)).Message);
}
