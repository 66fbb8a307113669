namespace MiniTorch.Models;

/// <summary>A batch in memory that the device copies from: values, labels, and targets [size, classes] where batches are mixed.</summary>
sealed class HostBatch(Device device, int size, int sampleSize, int targetSize) : IDisposable
{
    readonly HostMemory memory = new(device, Bytes(size, sampleSize, targetSize));

    /// <summary>Which one it is in its epoch, its samples, and how many of them are still to be made.</summary>
    internal int Number, Count, Missing;

    /// <summary>Pictures that could not be read, each with the place in the batch that it had.</summary>
    internal readonly List<(int Place, UnreadablePictureException Why)> Unreadable = [];

    internal Span<float> Values => memory.Values<float>(0, Count * sampleSize);

    internal Span<int> Labels => memory.Values<int>(LabelsAt, Count);

    internal Span<float> Targets => memory.Values<float>(TargetsAt, Count * targetSize);

    long LabelsAt => (long)size * sampleSize * sizeof(float);

    long TargetsAt => LabelsAt + (long)size * sizeof(int);

    internal static long Bytes(int size, int sampleSize, int targetSize) => (long)size * ((sampleSize + targetSize) * sizeof(float) + sizeof(int));

    /// <summary>The values of one sample.</summary>
    internal Span<float> Sample(int place) => Values.Slice(place * sampleSize, sampleSize);

    /// <summary>Queues the copies; the targets' if they are wanted.</summary>
    internal void Send(Tensor images, Tensor labels, Tensor? targets)
    {
        Send(0, Values, images);
        memory.Send(LabelsAt, labels);
        if (targets is not null) Send(TargetsAt, Targets, targets);
    }

    /// <summary>Waits until the device has read it.</summary>
    internal void Wait() => memory.Wait();

    public void Dispose() => memory.Dispose();

    void Send(long at, ReadOnlySpan<float> values, Tensor to)
    {
        if (to.DType == DType.Float32)
        {
            memory.Send(at, to);
            return;
        }
        double[] wide = new double[values.Length];
        for (int i = 0; i < wide.Length; i++) wide[i] = values[i];
        to.WriteDoubles(wide);
    }
}
