using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>How well a model classifies a dataset.</summary>
/// <param name="Loss">Mean loss.</param>
/// <param name="Accuracy">Share classified right.</param>
/// <param name="PerClass">Share classified right of each class; NaN for a class without samples.</param>
public sealed record Evaluation(double Loss, double Accuracy, IReadOnlyList<double> PerClass)
{
    const int BatchSize = 200;

    /// <summary>
    /// Runs the model over the data without recording, prepared as the options say; <paramref name="loss"/> gives the mean loss of logits and labels. In the place of a picture that cannot be read counts
    /// the next one that can; <paramref name="unreadable"/> is told.
    /// </summary>
    public static Evaluation Of(ILayer model, ParameterStore store, IDataset data, TrainingOptions? options = null, Func<Tensor, Tensor, Tensor>? loss = null, Action<UnreadablePictureException>? unreadable = null)
    {
        loss ??= static (logits, labels) => CrossEntropy.Of(logits, labels);
        double sum = 0;
        using Hits hits = new(data.Classes.Count, store.Device);
        using Loader loader = new(data, (options ?? new()).Loading(data, augmented: false, BatchSize), store.DType, store.Device) { Unreadable = unreadable };
        using Tape.Pause pause = Tape.Paused();
        foreach (Batch batch in loader.Epoch())
        {
            using Step step = Step.Begin();
            Tensor logits = model.Forward(batch.Images);
            sum += loss(logits, batch.Labels).Item() * batch.Count;
            hits.Add(logits, batch.Labels);
        }
        (int Seen, int Right)[] counts = hits.Read();
        return new(sum / data.Count, (double)counts.Sum(static c => c.Right) / data.Count, [.. counts.Select(static c => (double)c.Right / c.Seen)]);
    }
}
