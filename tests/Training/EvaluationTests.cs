using MiniTorch.Models;

namespace MiniTorch.Tests.Training;

/// <summary>What an evaluation counts, against counting by sorting.</summary>
public sealed class EvaluationTests
{
    const int Samples = 450, Classes = 7;

    /// <summary>A network that gives its input.</summary>
    sealed class Given : ILayer
    {
        public Tensor Forward(Tensor x) => x;
    }

    [Fact]
    public void Counts_are_those_of_sorted_logits()
    {
        RandomStream random = new(8, 1);
        float[] logits = [.. Enumerable.Range(0, Samples * Classes).Select(_ => (float)random.NextInt(5))];         // many are equal: the first counts as the larger
        int[] labels = [.. Enumerable.Range(0, Samples).Select(_ => random.NextInt(Classes - 1))];                  // none of the last class
        List<int> told = [];
        Evaluation e = Evaluate(logits, labels, told.Add);

        int[][] sorted = [.. Enumerable.Range(0, Samples).Select(i => Enumerable.Range(0, Classes).OrderByDescending(c => logits[i * Classes + c]).ThenBy(static c => c).ToArray())];
        Assert.Equal(sorted.Where((s, i) => s[0] == labels[i]).Count() / (double)Samples, e.Accuracy);
        Assert.Equal(sorted.Where((s, i) => s.Take(5).Contains(labels[i])).Count() / (double)Samples, e.TopFive);
        for (int c = 0; c < Classes; c++)
            for (int g = 0; g < Classes; g++) Assert.Equal(sorted.Where((s, i) => labels[i] == c && s[0] == g).Count(), e.Confusion[c, g]);
        Assert.True(double.IsNaN(e.PerClass[^1]));
        Assert.Equal(sorted.Where((s, i) => labels[i] == 2 && s[0] == 2).Count() / (double)labels.Count(static l => l == 2), e.PerClass[2]);
        (int c1, int g1, int count) = e.Mistakes.First();
        Assert.Equal(Enumerable.Range(0, Classes).SelectMany(c => Enumerable.Range(0, Classes).Where(g => g != c).Select(g => e.Confusion[c, g])).Max(), count);
        Assert.Equal(count, e.Confusion[c1, g1]);
        Assert.Equal((Samples, Samples), (e.Count, told[^1]));
        double loss = Enumerable.Range(0, Samples).Average(i => Math.Log(Enumerable.Range(0, Classes).Sum(c => Math.Exp(logits[i * Classes + c]))) - logits[i * Classes + labels[i]]);
        Assert.Equal(loss, e.Loss, 1e-5);
    }

    [Fact]
    public void Logits_that_are_no_numbers_end_it()
    {
        float[] logits = new float[2 * Classes];
        logits[9] = float.NaN;
        DivergedException e = Assert.Throws<DivergedException>(() => Evaluate(logits, [0, 1], static _ => { }));
        Assert.Contains("the network gives NaN", e.Message);
    }

    static Evaluation Evaluate(float[] logits, int[] labels, Action<int> progress)
    {
        using CpuDevice device = new(1);
        (Given model, ParameterStore store) = ParameterStore.Build(static _ => new Given(), device);
        using ParameterStore owner = store;
        ArrayDataset data = new(logits, labels, [Classes], [.. Enumerable.Range(0, Classes).Select(static c => $"class {c}")]);
        return Evaluation.Of(model, store, data, progress: progress);
    }

    /// <summary>The first of each class, then the second of each.</summary>
    [Fact]
    public void A_few_samples_are_taken_evenly_from_the_classes()
    {
        ArrayDataset all = new(new float[6], [0, 0, 0, 1, 1, 2], [1]);
        Subset few = Subset.Evenly(all, 4);
        Assert.Equal([0, 1, 2, 0], Enumerable.Range(0, few.Count).Select(few.Label));
    }
}
