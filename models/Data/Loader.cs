using System.Collections.Concurrent;

namespace MiniTorch.Models;

/// <summary>A batch on the device, valid until the next one is asked for.</summary>
/// <param name="Images">[n, h, w, c], augmented and normalised.</param>
/// <param name="Labels">[n], integers.</param>
/// <param name="Number">Number of the batch in its epoch.</param>
public readonly record struct Batch(Tensor Images, Tensor Labels, int Number)
{
    /// <summary>Number of samples.</summary>
    public int Count => Labels.Count;
}

/// <summary>How batches are made from a dataset.</summary>
/// <param name="Size">Samples per batch.</param>
/// <param name="Seed">Key of shuffling and augmentation.</param>
/// <param name="Shuffle">A new order each epoch, of seed and epoch only.</param>
/// <param name="DropLast">Leaves out the last batch of an epoch if it is not full.</param>
/// <param name="Augmentation">Random changes; null for none.</param>
/// <param name="Mean">What is subtracted from each value.</param>
/// <param name="Deviation">What the difference is divided by.</param>
public sealed record LoaderOptions(int Size, ulong Seed = 0, bool Shuffle = false, bool DropLast = false, Augmentation? Augmentation = null, double Mean = 0,
    double Deviation = 1);

/// <summary>
/// Prepares batches ahead on a thread of its own, in host buffers; the thread that asks writes them into two lasting device tensors, which are used again and
/// again. What a batch holds depends on seed, epoch and its number only, so an epoch may be entered anywhere.
/// </summary>
public sealed class Loader : IDisposable
{
    const uint ShuffleStream = 0x5AFF1E;
    const int Ahead = 4;

    readonly IDataset data;
    readonly LoaderOptions options;
    readonly Tensor images, labels;
    readonly int sampleSize;

    /// <summary>Batches of <paramref name="data"/> for a device.</summary>
    public Loader(IDataset data, LoaderOptions options, DType dtype = DType.Float32, Device? device = null)
    {
        if (options.Size < 1) throw new ArgumentOutOfRangeException(nameof(options), options.Size, "a batch has at least one sample");
        if (options.DropLast && options.Size > data.Count)
            throw new ArgumentException($"a batch of {options.Size} is larger than the set of {data.Count} samples; choose a smaller batch", nameof(options));
        (this.data, this.options, sampleSize) = (data, options, (int)data.Sample.Count);
        images = Tensor.Lasting(Of(options.Size), dtype, device);
        labels = Tensor.Lasting([options.Size], DType.Int32, device);
    }

    /// <summary>Batches in an epoch.</summary>
    public int Batches => options.DropLast ? data.Count / options.Size : (data.Count + options.Size - 1) / options.Size;

    /// <summary>The batches of an epoch, from number <paramref name="first"/> on.</summary>
    public IEnumerable<Batch> Epoch(int epoch = 0, int first = 0)
    {
        using CancellationTokenSource stop = new();
        using BlockingCollection<HostBatch> ready = new(Ahead);
        ConcurrentBag<HostBatch> free = [];
        Thread thread = new(() => Fill(epoch, first, ready, free, stop.Token)) { IsBackground = true, Name = "minitorch loader" };
        thread.Start();
        try
        {
            foreach (HostBatch host in ready.GetConsumingEnumerable(CancellationToken.None))
            {
                if (host.Fault is { } fault) throw new InvalidDataException($"batch {host.Number} of epoch {epoch + 1} could not be loaded: {fault.Message}", fault);
                Batch batch = Write(host);
                free.Add(host);
                yield return batch;
            }
        }
        finally
        {
            stop.Cancel();
            thread.Join();
        }
    }

    /// <summary>Frees the device buffers.</summary>
    public void Dispose()
    {
        images.Free();
        labels.Free();
    }

    Batch Write(HostBatch host)
    {
        Tensor x = host.Count == options.Size ? images : images.View(Of(host.Count)), y = host.Count == options.Size ? labels : labels.View([host.Count]);
        if (x.DType == DType.Float32) x.Write<float>(host.Values.AsSpan(0, x.Count));
        else x.WriteDoubles(Array.ConvertAll(host.Values[..x.Count], static v => (double)v));
        y.Write<int>(host.Labels.AsSpan(0, host.Count));
        return new(x, y, host.Number);
    }

    void Fill(int epoch, int first, BlockingCollection<HostBatch> ready, ConcurrentBag<HostBatch> free, CancellationToken stop)
    {
        float[] scratch = new float[sampleSize];
        int number = first;
        try
        {
            int[] order = Order(epoch);
            for (; number < Batches; number++)
            {
                if (!free.TryTake(out HostBatch? batch)) batch = new(new float[options.Size * sampleSize], new int[options.Size]);
                Prepare(batch, order, number, epoch, scratch);
                ready.Add(batch, stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return;         // nobody wants the rest
        }
        catch (Exception e)
        {
            ready.Add(new HostBatch([], []) { Number = number, Fault = e }, CancellationToken.None);    // rethrown by the thread that asks
        }
        ready.CompleteAdding();
    }

    void Prepare(HostBatch batch, int[] order, int number, int epoch, float[] scratch)
    {
        int begin = number * options.Size;
        (batch.Number, batch.Count) = (number, Math.Min(options.Size, order.Length - begin));
        float mean = (float)options.Mean, scale = (float)(1 / options.Deviation);
        for (int i = 0; i < batch.Count; i++)
        {
            int index = order[begin + i];
            Span<float> sample = batch.Values.AsSpan(i * sampleSize, sampleSize);
            data.Read(index, sample);
            options.Augmentation?.Apply(sample, data.Sample, scratch, options.Seed, epoch, index);
            for (int j = 0; j < sample.Length; j++) sample[j] = (sample[j] - mean) * scale;
            batch.Labels[i] = data.Label(index);
        }
    }

    int[] Order(int epoch)
    {
        int[] order = [.. Enumerable.Range(0, data.Count)];
        if (options.Shuffle) new RandomStream(options.Seed, ShuffleStream, (ulong)epoch).Shuffle(order);
        return order;
    }

    Shape Of(int count) => Shape.Create([count, .. data.Sample.Dims]);

    sealed class HostBatch(float[] values, int[] labels)
    {
        internal readonly float[] Values = values;
        internal readonly int[] Labels = labels;
        internal int Number, Count;
        internal Exception? Fault;
    }
}
