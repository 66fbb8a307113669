using MiniTorch.Models;

namespace MiniTorch.Tests.Training;

public sealed class TwoDotsTests
{
    const int Side = 64, Size = Side * Side;

    [Fact]
    public void Dots_are_as_far_apart_as_the_class_says_and_inside()
    {
        TwoDots data = new(400, seed: 1, signalToNoise: double.PositiveInfinity);
        HashSet<int> rows = [], columns = [];
        Assert.Equal([8, 13, 18, 24], TwoDots.Distances);
        Assert.Equal(["8 px", "13 px", "18 px", "24 px"], data.Classes);
        for (int i = 0; i < data.Count; i++)
        {
            float[] picture = Read(data, i);
            int[] dots = [.. Enumerable.Range(0, Size).Where(p => picture[p] >= 1)];
            Assert.Equal(2, dots.Length);
            Assert.Equal(dots[0] / Side, dots[1] / Side);
            Assert.Equal(TwoDots.Distances[data.Label(i)], dots[1] - dots[0]);
            Assert.Equal(2 * Math.Pow(Enumerable.Range(-3, 7).Sum(static x => Math.Exp(-0.5 * x * x)), 2), picture.Sum(), 1e-4);      // nothing is cut off
            rows.Add(dots[0] / Side);
            columns.UnionWith(dots.Select(static p => p % Side));
        }
        Assert.All(Enumerable.Range(0, data.Count).GroupBy(data.Label), static g => Assert.Equal(100, g.Count()));
        Assert.Equal(Enumerable.Range(3, Side - 6), rows.Order());
        Assert.Equal(Enumerable.Range(3, Side - 6), columns.Order());
    }

    [Theory]
    [InlineData(5)]
    [InlineData(2)]
    public void Noise_is_normal_and_of_the_stated_strength(double signalToNoise)
    {
        TwoDots noisy = new(50, seed: 3, signalToNoise), clean = new(50, seed: 3, double.PositiveInfinity);
        double[] noise = [.. Enumerable.Range(0, 50).SelectMany(i => Read(noisy, i).Zip(Read(clean, i), static (a, b) => (double)a - b))];
        double mean = noise.Average(), deviation = Math.Sqrt(noise.Average(v => (v - mean) * (v - mean)));
        Assert.Equal(0, mean, 0.01 / signalToNoise);
        Assert.Equal(1 / signalToNoise, deviation, 0.01 / signalToNoise);
        Assert.Equal(0.9545, noise.Count(v => Math.Abs(v) < 2 * deviation) / (double)noise.Length, 0.002);
        Assert.Equal(0, noise.Where(static (_, i) => i % 2 == 0).Zip(noise.Where(static (_, i) => i % 2 == 1), static (a, b) => a * b).Average(), 0.01 / signalToNoise / signalToNoise);
    }

    [Fact]
    public void A_picture_depends_on_seed_and_index_only()
    {
        TwoDots data = new(100, seed: 7), longer = new(1000, seed: 7), other = new(100, seed: 8);
        float[][] inOrder = [.. Enumerable.Range(0, 100).Select(i => Read(data, i))];
        Parallel.For(0, 100, i => Assert.Equal(inOrder[99 - i], Read(longer, 99 - i)));
        Assert.NotEqual(inOrder[0], inOrder[4]);
        Assert.NotEqual(inOrder[0], Read(other, 0));
        Assert.Equal(3, new[] { data, longer, other }.Select(static d => d.Fingerprint).Distinct().Count());
        Assert.Throws<ArgumentOutOfRangeException>(static () => new TwoDots(1, signalToNoise: 0));
    }

    static float[] Read(TwoDots data, int index)
    {
        float[] picture = new float[Size];
        data.Read(index, picture);
        return picture;
    }
}
