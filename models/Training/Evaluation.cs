using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>How well a model classifies a dataset.</summary>
/// <param name="Loss">Mean loss.</param>
/// <param name="Accuracy">Share classified right.</param>
/// <param name="PerClass">Share classified right of each class; NaN for a class without samples.</param>
public sealed record Evaluation(double Loss, double Accuracy, IReadOnlyList<double> PerClass)
{
    const int BatchSize = 200;

    /// <summary>Runs the model over the data without recording; <paramref name="loss"/> gives the mean loss of logits and labels.</summary>
    public static Evaluation Of(ILayer model, ParameterStore store, IDataset data, double mean = 0, double deviation = 1, Func<Tensor, Tensor, Tensor>? loss = null)
    {
        loss ??= static (logits, labels) => CrossEntropy.Of(logits, labels);
        int[] right = new int[data.Classes.Count], met = new int[data.Classes.Count];
        double sum = 0;
        using Loader loader = new(data, new(BatchSize, Mean: mean, Deviation: deviation), store.DType, store.Device);
        using Tape.Pause pause = Tape.Paused();
        foreach (Batch batch in loader.Epoch())
        {
            using Step step = Step.Begin();
            Tensor logits = model.Forward(batch.Images);
            sum += loss(logits, batch.Labels).Item() * batch.Count;
            int[] labels = batch.Labels.ToArray<int>(), guesses = Guesses(logits);
            for (int i = 0; i < labels.Length; i++)
            {
                met[labels[i]]++;
                if (guesses[i] == labels[i]) right[labels[i]]++;
            }
        }
        return new(sum / data.Count, (double)right.Sum() / data.Count, [.. right.Select((r, i) => (double)r / met[i])]);
    }

    /// <summary>The class of the largest logit of each row of [n, classes]; the first where several are equal.</summary>
    internal static int[] Guesses(Tensor logits)
    {
        Expect.Rank(logits, 2, "[n, classes]");
        double[] v = logits.ToDoubles();
        int classes = logits.Shape[1];
        int[] guesses = new int[logits.Shape[0]];
        for (int i = 0; i < guesses.Length; i++)
            for (int c = 1; c < classes; c++)
                if (v[i * classes + c] > v[i * classes + guesses[i]]) guesses[i] = c;
        return guesses;
    }
}
