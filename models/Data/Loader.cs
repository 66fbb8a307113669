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
/// Prepares batches ahead on a thread of its own, in memory that the device copies from by itself (page-locked for a GPU); the thread that asks queues their copies into two lasting device tensors, which are
/// used again and again: while a GPU is at a step, the next batch travels. What a batch holds depends on seed, epoch and its number only, so an epoch may be entered anywhere.
/// </summary>
public sealed class Loader : IDisposable
{
    const uint ShuffleStream = 0x5AFF1E;
    const int Most = 6;             // batches in host memory: ready, being filled, and on their way

    readonly IDataset data;
    readonly LoaderOptions options;
    readonly Tensor images, labels;
    readonly int sampleSize;
    readonly HostBatch[] batches;
    bool open;

    /// <summary>Batches of <paramref name="data"/> for a device.</summary>
    public Loader(IDataset data, LoaderOptions options, DType dtype = DType.Float32, Device? device = null)
    {
        if (options.Size < 1) throw new ArgumentOutOfRangeException(nameof(options), options.Size, "a batch has at least one sample");
        if (options.DropLast && options.Size > data.Count)
            throw new ArgumentException($"a batch of {options.Size} is larger than the set of {data.Count} samples; choose a smaller batch", nameof(options));
        (this.data, this.options, sampleSize) = (data, options, (int)data.Sample.Count);
        images = Tensor.Lasting(Of(options.Size), dtype, device);
        labels = Tensor.Lasting([options.Size], DType.Int32, device);
        batches = new HostBatch[Math.Min(Most, Batches)];
        for (int i = 0; i < batches.Length; i++) batches[i] = new(images.Device, options.Size, sampleSize);
    }

    /// <summary>Batches in an epoch.</summary>
    public int Batches => options.DropLast ? data.Count / options.Size : (data.Count + options.Size - 1) / options.Size;

    /// <summary>The batches of an epoch, from number <paramref name="first"/> on. One epoch is read at a time.</summary>
    public IEnumerable<Batch> Epoch(int epoch = 0, int first = 0)
    {
        if (open) throw new InvalidOperationException("an epoch of this loader is being read already; end it first, or take another loader");
        open = true;
        using CancellationTokenSource stop = new();
        using BlockingCollection<HostBatch> ready = [], free = [];
        Queue<HostBatch> sent = new();
        foreach (HostBatch batch in batches) free.Add(batch);
        Reading reading = new(epoch, first);
        Thread thread = new(() => Fill(reading, ready, free, stop.Token)) { IsBackground = true, Name = "minitorch loader" };
        thread.Start();
        try
        {
            foreach (HostBatch host in ready.GetConsumingEnumerable(CancellationToken.None))
            {
                Batch batch = Send(host);
                sent.Enqueue(host);
                if (sent.Count > 1) free.Add(Read(sent.Dequeue()));         // the one before: its step has been queued since, but its copy comes before that
                yield return batch;
            }
            if (reading.Fault is { } fault) throw new InvalidDataException($"batch {reading.Number} of epoch {epoch + 1} could not be loaded: {fault.Message}", fault);
        }
        finally
        {
            stop.Cancel();
            thread.Join();
            foreach (HostBatch host in batches) Read(host);
            open = false;
        }
    }

    /// <summary>Frees the buffers.</summary>
    public void Dispose()
    {
        foreach (HostBatch batch in batches) batch.Dispose();
        images.Free();
        labels.Free();
    }

    Batch Send(HostBatch host)
    {
        Tensor x = host.Count == options.Size ? images : images.View(Of(host.Count)), y = host.Count == options.Size ? labels : labels.View([host.Count]);
        if (x.DType == DType.Float32) host.Memory.Send(0, x);
        else
        {
            double[] values = new double[x.Count];
            for (int i = 0; i < values.Length; i++) values[i] = host.Values[i];
            x.WriteDoubles(values);
        }
        host.Memory.Send(host.LabelsAt, y);
        return new(x, y, host.Number);
    }

    /// <summary>The batch, once the device has read it.</summary>
    static HostBatch Read(HostBatch batch)
    {
        batch.Memory.Wait();
        return batch;
    }

    void Fill(Reading reading, BlockingCollection<HostBatch> ready, BlockingCollection<HostBatch> free, CancellationToken stop)
    {
        float[] scratch = new float[sampleSize];
        try
        {
            int[] order = Order(reading.Epoch);
            for (; reading.Number < Batches; reading.Number++)
            {
                HostBatch batch = free.Take(stop);
                Prepare(batch, order, reading.Number, reading.Epoch, scratch);
                ready.Add(batch, stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return;         // nobody wants the rest
        }
        catch (Exception e)
        {
            reading.Fault = e;          // rethrown by the thread that asks
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
            Span<float> sample = batch.Values.Slice(i * sampleSize, sampleSize);
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

    /// <summary>An epoch being read: the batch that is prepared, and why it could not be.</summary>
    sealed class Reading(int epoch, int first)
    {
        internal readonly int Epoch = epoch;
        internal int Number = first;
        internal Exception? Fault;
    }

    /// <summary>Values and, behind them, labels.</summary>
    sealed class HostBatch(Device device, int size, int sampleSize) : IDisposable
    {
        internal readonly HostMemory Memory = new(device, (long)size * (sampleSize * sizeof(float) + sizeof(int)));
        internal readonly long LabelsAt = (long)size * sampleSize * sizeof(float);
        internal int Number, Count;

        internal Span<float> Values => Memory.Values<float>(0, size * sampleSize);
        internal Span<int> Labels => Memory.Values<int>(LabelsAt, size);

        public void Dispose() => Memory.Dispose();
    }
}
