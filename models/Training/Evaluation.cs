using System.Diagnostics;
using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>How well a model classifies a dataset.</summary>
/// <param name="Loss">Mean loss.</param>
/// <param name="TopFive">Share whose class is among the five largest logits; of equal logits the first counts as the larger.</param>
/// <param name="Confusion">How many samples of each class (row) were taken for each class (column).</param>
/// <param name="SamplesPerSecond">How fast, reading and preparing the samples included.</param>
public sealed record Evaluation(double Loss, double TopFive, int[,] Confusion, double SamplesPerSecond)
{
    const int MostSamples = 200, MostValues = 1 << 22;         // of a batch

    /// <summary>Number of samples.</summary>
    public int Count => Enumerable.Range(0, Confusion.GetLength(0)).Sum(Seen);

    /// <summary>Share classified right.</summary>
    public double Accuracy => (double)Enumerable.Range(0, Confusion.GetLength(0)).Sum(c => Confusion[c, c]) / Count;

    /// <summary>Share classified right of each class; NaN for a class without samples.</summary>
    public IReadOnlyList<double> PerClass => [.. Enumerable.Range(0, Confusion.GetLength(0)).Select(c => (double)Confusion[c, c] / Seen(c))];

    /// <summary>Pairs of classes that were taken for each other, the most frequent first.</summary>
    public IEnumerable<(int Class, int TakenFor, int Count)> Mistakes
        => from c in Enumerable.Range(0, Confusion.GetLength(0))
           from g in Enumerable.Range(0, Confusion.GetLength(1))
           where c != g && Confusion[c, g] > 0
           orderby Confusion[c, g] descending, c, g
           select (c, g, Confusion[c, g]);

    /// <summary>
    /// Runs the model over the data without recording, prepared as the options say; <paramref name="loss"/> gives the mean loss of logits and labels. In the place of a picture that cannot be read counts
    /// the next one that can; <paramref name="unreadable"/> is told. <paramref name="progress"/> hears how many samples are done.
    /// </summary>
    public static Evaluation Of(ILayer model, ParameterStore store, IDataset data, TrainingOptions? options = null, Func<Tensor, Tensor, Tensor>? loss = null, Action<UnreadablePictureException>? unreadable = null,
        Action<int>? progress = null, CancellationToken stop = default)
    {
        loss ??= static (logits, labels) => CrossEntropy.Of(logits, labels);
        Stopwatch watch = Stopwatch.StartNew();
        double sum = 0;
        int inFive = 0, done = 0, classes = data.Classes.Count;
        int[,] confusion = new int[classes, classes];
        int batchSize = (int)Math.Clamp(MostValues / Math.Max(1, data.Sample.Count), 1, MostSamples);
        using Loader loader = new(data, (options ?? new()).Loading(data, augmented: false, batchSize), store.DType, store.Device) { Unreadable = unreadable };
        using Tape.Pause pause = Tape.Paused();
        foreach (Batch batch in loader.Epoch())
        {
            stop.ThrowIfCancellationRequested();
            using Step step = Step.Begin();
            Tensor logits = model.Forward(batch.Images);
            sum += loss(logits, batch.Labels).Item() * batch.Count;
            double[] values = logits.ToDoubles();
            int[] labels = batch.Labels.ToArray<int>();
            for (int i = 0; i < batch.Count; i++)
            {
                (int guess, int before) = Rank(values.AsSpan(i * classes, classes), labels[i]);
                confusion[labels[i], guess]++;
                if (before < 5) inFive++;
            }
            progress?.Invoke(done += batch.Count);
        }
        return new(sum / data.Count, (double)inFive / data.Count, confusion, data.Count / watch.Elapsed.TotalSeconds);
    }

    /// <summary>The class of the largest logit, and how many logits come before that of the label.</summary>
    static (int Guess, int Before) Rank(ReadOnlySpan<double> logits, int label)
    {
        int guess = 0, before = 0;
        for (int c = 0; c < logits.Length; c++)
        {
            if (double.IsNaN(logits[c])) throw new DivergedException("the network gives NaN; its weights are of a training that diverged, or of another network");
            if (logits[c] > logits[guess]) guess = c;
            if (logits[c] > logits[label] || logits[c] == logits[label] && c < label) before++;
        }
        return (guess, before);
    }

    int Seen(int label) => Enumerable.Range(0, Confusion.GetLength(1)).Sum(g => Confusion[label, g]);
}
