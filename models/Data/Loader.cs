namespace MiniTorch.Models;

/// <summary>A batch on the device, valid until the next one is asked for.</summary>
/// <param name="Images">[n, h, w, c], augmented and normalised.</param>
/// <param name="Labels">[n], integers.</param>
/// <param name="Number">Number of the batch in its epoch.</param>
/// <param name="Targets">[n, classes], probabilities, where the samples of a batch are mixed; else null.</param>
public readonly record struct Batch(Tensor Images, Tensor Labels, int Number, Tensor? Targets = null)
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
public sealed record LoaderOptions(int Size, ulong Seed = 0, bool Shuffle = false, bool DropLast = false, Augmentation? Augmentation = null)
{
    /// <summary>How stored pictures of any size become samples, where no random crop does.</summary>
    public PictureFit Fit { get; init; } = PictureFit.Whole;

    /// <summary>What is subtracted from values: one number, or one for each channel.</summary>
    public IReadOnlyList<double> Mean { get; init; } = [0];

    /// <summary>What the difference is divided by, likewise.</summary>
    public IReadOnlyList<double> Deviation { get; init; } = [1];

    /// <summary>Threads that make samples; batches do not depend on it.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Share of pictures that may be unreadable before the loader stops; at least ten may.</summary>
    public double UnreadableShare { get; init; } = 0.01;
}

/// <summary>
/// Prepares batches ahead on threads of its own, in memory that the device copies from by itself (page-locked for a GPU); the thread that asks queues their copies into lasting device tensors, which are
/// used again and again: while a GPU is at a step, the next batch travels. What a batch holds depends on seed, epoch and its number only, so an epoch may be entered anywhere.
/// </summary>
public sealed class Loader : IDisposable
{
    const uint ShuffleStream = 0x5AFF1E;
    const int Least = 3, Most = 6;          // batches in host memory: ready, being filled, and on their way
    const long Memory = 1L << 30;           // bytes that they may take if there are more than the least
    const int FewUnreadable = 10;

    readonly IDataset data;
    readonly LoaderOptions options;
    readonly Tensor images, labels;
    readonly Tensor? targets;
    readonly HostBatch[] batches;
    readonly SampleMaker[] makers;
    readonly HashSet<string> unreadable = new(StringComparer.Ordinal);
    bool open;

    /// <summary>Batches of <paramref name="data"/> for a device.</summary>
    public Loader(IDataset data, LoaderOptions options, DType dtype = DType.Float32, Device? device = null)
    {
        if (options.Size < 1) throw new ArgumentOutOfRangeException(nameof(options), options.Size, "a batch has at least one sample");
        if (options.Workers < 1) throw new ArgumentOutOfRangeException(nameof(options), options.Workers, "at least one thread makes samples");
        if (options.DropLast && options.Size > data.Count)
            throw new ArgumentException($"a batch of {options.Size} is larger than the set of {data.Count} samples; choose a smaller batch", nameof(options));
        options.Augmentation?.Expect(data.Sample);
        if (options.Fit != PictureFit.Whole) options.Fit.Validate(data.Sample);
        (this.data, this.options) = (data, options);
        int sampleSize = (int)data.Sample.Count, targetSize = options.Augmentation?.Mixing is null ? 0 : data.Classes.Count;
        images = Tensor.Lasting(Of(options.Size), dtype, device);
        labels = Tensor.Lasting([options.Size], DType.Int32, device);
        targets = targetSize == 0 ? null : Tensor.Lasting([options.Size, targetSize], dtype, device);
        batches = new HostBatch[Math.Min(Batches, (int)Math.Clamp(Memory / HostBatch.Bytes(options.Size, sampleSize, targetSize), Least, Most))];
        for (int i = 0; i < batches.Length; i++) batches[i] = new(images.Device, options.Size, sampleSize, targetSize);
        Normalisation normalisation = new(options.Mean, options.Deviation, data.Sample);
        makers = [.. Enumerable.Range(0, options.Workers).Select(_ => new SampleMaker(data, options, normalisation))];
    }

    /// <summary>Batches in an epoch.</summary>
    public int Batches => options.DropLast ? data.Count / options.Size : (data.Count + options.Size - 1) / options.Size;

    /// <summary>Told of each picture that cannot be read when the batch it should be in is handed out; once for each.</summary>
    public Action<UnreadablePictureException>? Unreadable { get; set; }

    /// <summary>The batches of an epoch, from number <paramref name="first"/> on. One epoch is read at a time.</summary>
    public IEnumerable<Batch> Epoch(int epoch = 0, int first = 0)
    {
        if (open) throw new InvalidOperationException("an epoch of this loader is being read already; end it first, or take another loader");
        open = true;
        Queue<HostBatch> sent = new();
        BatchFilling filling = new(batches, makers, Order(epoch), options.Size, Batches, epoch, first, host => Mix(host, epoch));
        try
        {
            for (int number = first; number < Batches; number++)
            {
                if (filling.Take(number) is not { } host)
                    throw new InvalidDataException($"batch {filling.Fault!.Value.Number} of epoch {epoch + 1} could not be loaded: {filling.Fault.Value.Why.Message}", filling.Fault.Value.Why);
                Note(host);
                Batch batch = Send(host);
                sent.Enqueue(host);
                if (sent.Count > 1) filling.Give(Read(sent.Dequeue()));         // the one before: its step has been queued since, but its copy comes before that
                yield return batch;
            }
        }
        finally
        {
            filling.Dispose();
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
        targets?.Free();
    }

    Batch Send(HostBatch host)
    {
        bool whole = host.Count == options.Size;
        Tensor x = whole ? images : images.View(Of(host.Count)), y = whole ? labels : labels.View([host.Count]);
        Tensor? t = whole ? targets : targets?.View([host.Count, data.Classes.Count]);
        host.Send(x, y, t);
        return new(x, y, host.Number, t);
    }

    /// <summary>The batch, once the device has read it.</summary>
    static HostBatch Read(HostBatch batch)
    {
        batch.Wait();
        return batch;
    }

    void Mix(HostBatch host, int epoch) => options.Augmentation?.Mixing?.Apply(host.Values, host.Labels, host.Targets, data.Sample, options.Seed, epoch, host.Number);

    /// <summary>Counts what could not be read, in the order of the samples, and stops when it is too much.</summary>
    void Note(HostBatch host)
    {
        int allowed = Math.Max(FewUnreadable, (int)(options.UnreadableShare * data.Count));
        foreach ((_, UnreadablePictureException why) in host.Unreadable.OrderBy(static u => u.Place))
        {
            if (!unreadable.Add(why.Path)) continue;
            Unreadable?.Invoke(why);
            if (unreadable.Count > allowed)
                throw new InvalidDataException($"{unreadable.Count} of {data.Count} pictures cannot be read, more than the {allowed} that are allowed; the last is {why.Path}: {why.Why}");
        }
    }

    int[] Order(int epoch)
    {
        int[] order = [.. Enumerable.Range(0, data.Count)];
        if (options.Shuffle) new RandomStream(options.Seed, ShuffleStream, (ulong)epoch).Shuffle(order);
        return order;
    }

    Shape Of(int count) => Shape.Create([count, .. data.Sample.Dims]);
}
