using MiniTorch.Models;
using MiniTorch.Ops;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.Data;

/// <summary>Mixed batches: samples and targets against the definitions, and their loss against the reference's in double precision.</summary>
public sealed class MixingTests
{
    const int Count = 6, H = 12, W = 10, Classes = 4;

    /// <summary>Samples of one value each, i + 1, mixed as the batch of a number.</summary>
    static (float[] X, float[] T) Mixed(Mixing mixing, int batch, int count = Count)
    {
        float[] x = [.. Enumerable.Range(0, count * H * W * 3).Select(static i => 1f + i / (H * W * 3))], t = new float[count * Classes];
        mixing.Apply(x, Labels(count), t, [H, W, 3], 7, 2, batch);
        return (x, t);
    }

    static int[] Labels(int count) => [.. Enumerable.Range(0, count).Select(static i => i * i % Classes)];

    /// <summary>Share of the own class of the first sample, 1, whose partner is of class 25 % 4 = 1 as well only if counts are odd: here 0 and 1.</summary>
    static double Share(float[] targets) => targets[0];

    [Fact]
    public void Mixup_adds_shares_of_samples_and_targets()
    {
        List<double> shares = [];
        for (int batch = 0; batch < 3000; batch++)
        {
            (float[] x, float[] t) = Mixed(new(Mixup: 0.8, CutMix: 0), batch, batch % 2 == 0 ? Count : Count - 1);
            int count = t.Length / Classes;
            int[] labels = Labels(count);
            float share = (x[0] - count) / (1 - count);
            shares.Add(share);
            for (int i = 0; i < count; i++)
            {
                Assert.Equal(share * (i + 1) + (1 - share) * (count - i), x[i * H * W * 3 + 5], 1e-5f);
                for (int c = 0; c < Classes; c++)
                    Assert.Equal(share * (labels[i] == c ? 1 : 0) + (1 - share) * (labels[count - 1 - i] == c ? 1 : 0), t[i * Classes + c], 1e-5f);
            }
        }
        double deviation = Math.Sqrt(1 / (4 * (2 * 0.8 + 1)));          // of Beta(0.8, 0.8)
        Assert.Equal(0.5, shares.Average(), 5 * deviation / Math.Sqrt(shares.Count));
        Assert.Equal(deviation, Math.Sqrt(shares.Average(static s => (s - 0.5) * (s - 0.5))), 0.02 * deviation);
    }

    [Fact]
    public void CutMix_pastes_a_rectangle_and_counts_its_area()
    {
        for (int batch = 0; batch < 500; batch++)
        {
            (float[] x, float[] t) = Mixed(new(Mixup: 0, CutMix: 1), batch);
            int[] pasted = [.. Enumerable.Range(0, H * W).Where(p => x[3 * p] != 1)];
            Assert.Equal(1 - pasted.Length / (double)(H * W), Share(t), 1e-6);
            for (int i = 0; i < Count; i++)
                for (int p = 0; p < H * W; p++)
                    for (int c = 0; c < 3; c++) Assert.Equal(pasted.Contains(p) ? Count - i : i + 1, x[(i * H * W + p) * 3 + c]);
            if (pasted.Length == 0) continue;
            Assert.Equal((pasted[^1] / W - pasted[0] / W + 1) * (pasted[^1] % W - pasted[0] % W + 1), pasted.Length);
        }
    }

    [Fact]
    public void Batches_are_mixed_and_switched_with_their_probabilities()
    {
        int mixed = 0, cut = 0;
        const int Batches = 4000;
        for (int batch = 0; batch < Batches; batch++)
        {
            (float[] x, float[] t) = Mixed(new(Probability: 0.7, Switch: 0.25), batch);
            if (x.All(static v => v == MathF.Round(v)))
            {
                if (Share(t) < 1) cut++;
                else Assert.Equal(1, x[0]);
            }
            else mixed++;
        }
        Assert.Equal(0.7 * 0.75, (double)mixed / Batches, 5 * Math.Sqrt(0.25 / Batches));
        Assert.Equal(0.7 * 0.25 * 0.96, (double)cut / Batches, 5 * Math.Sqrt(0.17 / Batches));          // λ is uniform: below √(1 − λ) = 2/10, in 4 of 100, the rectangle is empty
    }

    [Theory]
    [InlineData(0.2)]
    [InlineData(1)]
    [InlineData(3)]
    public void Beta_has_its_moments(double alpha)
    {
        RandomStream random = new(9, 9);
        double[] values = [.. Enumerable.Range(0, 40_000).Select(_ => Mixing.Beta(alpha, random))];
        double variance = 1 / (4 * (2 * alpha + 1)), fourth = 3 * (alpha + 1) / (16 * (2 * alpha + 1) * (2 * alpha + 1) * (2 * alpha + 3)) * (2 * alpha + 1) / (alpha + 1);
        Assert.Equal(0.5, values.Average(), 5 * Math.Sqrt(variance / values.Length));
        Assert.Equal(variance, values.Average(static v => (v - 0.5) * (v - 0.5)), 5 * Math.Sqrt((fourth - variance * variance) / values.Length));
    }

    /// <summary>timm smooths both one-hot targets and mixes them; its loss is the mean over rows of −Σ t ln softmax(x).</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(0.1)]
    public void The_loss_of_mixed_targets_is_the_reference_one(double smoothing)
    {
        (_, float[] targets) = Mixed(new(CutMix: 0), 3);
        int[] labels = Labels(Count);
        double share = Share(targets), expected = 0;
        RandomStream random = new(2, 2);
        double[] logits = [.. Enumerable.Range(0, Count * Classes).Select(_ => 3 * random.NextNormal())];
        for (int i = 0; i < Count; i++)
        {
            double normalizer = Math.Log(Enumerable.Range(0, Classes).Sum(c => Math.Exp(logits[i * Classes + c])));
            for (int c = 0; c < Classes; c++)
                expected -= (share * Smoothed(labels[i], c) + (1 - share) * Smoothed(labels[^(i + 1)], c)) * (logits[i * Classes + c] - normalizer) / Count;
        }
        using CpuDevice device = new(1);
        using Step step = Step.Begin();
        Tensor x = Tensor.Of(logits, [Count, Classes], device), t = Tensor.Of(Array.ConvertAll(targets, static v => (double)v), [Count, Classes], device);
        Assert.Equal(expected, CrossEntropy.Of(x, t, smoothing).Item(), 1e-6);

        double Smoothed(int label, int c) => (label == c ? 1 - smoothing : 0) + smoothing / Classes;
    }

    [Fact]
    public void A_loader_gives_targets_beside_the_labels_of_the_pictures_as_they_were()
    {
        ArrayDataset data = SmallIdx.Array(20);
        using Loader plain = new(data, new(8, Seed: 3, Shuffle: true)), mixed = new(data, new(8, Seed: 3, Shuffle: true, Augmentation: new(Mixing: new())) { Workers = 2 });
        List<int[]> labels = [.. plain.Epoch(1).Select(static b => b.Labels.ToArray<int>())];
        Assert.All(plain.Epoch(), static b => Assert.Null(b.Targets));
        int batch = 0;
        foreach (Batch b in mixed.Epoch(1))
        {
            Assert.Equal(labels[batch++], b.Labels.ToArray<int>());
            Assert.Equal([b.Count, 4], b.Targets!.Shape);
            Assert.All(b.Targets.ToArray<float>().Chunk(4), static row => Assert.Equal(1, row.Sum(), 1e-6f));
        }
        Assert.Equal(3, batch);
    }
}
