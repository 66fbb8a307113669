namespace MiniTorch.Models;

/// <summary>What an epoch came to; one line of metrics.jsonl.</summary>
/// <param name="Epoch">Epochs done, from 1.</param>
/// <param name="Step">Updates done.</param>
/// <param name="TrainLoss">Mean loss over the epoch's training samples, as they were met.</param>
/// <param name="TrainAccuracy">Share of them classified right at that moment.</param>
/// <param name="ValidationLoss">Loss on the part held back from training; null without one.</param>
/// <param name="ValidationAccuracy">Accuracy on that part, which chooses the best epoch.</param>
/// <param name="TestLoss">Loss on the test set; measured after the last epoch only.</param>
/// <param name="TestAccuracy">Accuracy on the test set; measured after the last epoch only.</param>
/// <param name="LearningRate">Learning rate of the epoch's last update.</param>
/// <param name="Seconds">Time the run has taken, over all its sessions.</param>
/// <param name="ImagesPerSecond">Training samples per second in this session.</param>
/// <param name="Delays">Of a spiking network with delays: how many taps of each layer have each whole delay, from 0; else null.</param>
/// <param name="Unreadable">Pictures that could not be read, since the run began; null if there is none.</param>
public sealed record EpochMetrics(int Epoch, int Step, double TrainLoss, double TrainAccuracy, double? ValidationLoss, double? ValidationAccuracy, double? TestLoss,
    double? TestAccuracy, double LearningRate, double Seconds, double ImagesPerSecond, int[][]? Delays = null, int? Unreadable = null);

/// <summary>Where a training is, reported after each update.</summary>
/// <param name="Epoch">Number of the running epoch, from 1.</param>
/// <param name="Epochs">Epochs in all.</param>
/// <param name="Step">Updates done, over all sessions.</param>
/// <param name="Steps">Updates in all.</param>
/// <param name="Loss">Mean loss of the running epoch so far.</param>
/// <param name="Accuracy">Share of its samples classified right, when that was last counted: twice a second.</param>
/// <param name="ImagesPerSecond">Training samples per second in this session.</param>
/// <param name="Remaining">Estimated time to the end, from this session's steps only.</param>
/// <param name="Finished">The metrics of the epoch, if it has just ended.</param>
public sealed record TrainingProgress(int Epoch, int Epochs, int Step, int Steps, double Loss, double Accuracy, double ImagesPerSecond, TimeSpan Remaining,
    EpochMetrics? Finished);

/// <summary>How a training ended.</summary>
/// <param name="Interrupted">True if it was asked to stop before its last epoch was done.</param>
/// <param name="Last">Metrics of the last whole epoch; null before the first.</param>
/// <param name="BestEpoch">The epoch chosen by the part held back, from 1; 0 before the first.</param>
/// <param name="Seconds">Time the run has taken, over all its sessions.</param>
/// <param name="ImagesPerSecond">Training samples per second in this session; 0 if it trained nothing.</param>
public sealed record TrainingResult(bool Interrupted, EpochMetrics? Last, int BestEpoch, double Seconds, double ImagesPerSecond);

/// <summary>The loss became infinite or NaN.</summary>
public sealed class DivergedException(string message) : Exception(message);
