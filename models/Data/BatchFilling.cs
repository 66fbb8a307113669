namespace MiniTorch.Models;

/// <summary>
/// Threads that fill the batches of an epoch. Samples are handed out one by one in the order of the epoch, so all threads work on the earliest batch that is not full, and nothing depends on how many
/// they are; only as many batches are begun as there are free ones. Where making a sample fails, no more are begun, those before it are finished, and the earliest failure is told.
/// </summary>
sealed class BatchFilling : IDisposable
{
    readonly object gate = new();
    readonly Queue<HostBatch> free;
    readonly Dictionary<int, HostBatch> full = [];
    readonly int[] order;
    readonly int size, batches, epoch;
    readonly Action<HostBatch> finish;
    readonly Thread[] threads;
    HostBatch? filling;
    int number, place, running;
    bool stopped;
    (long At, Exception Why)? fault;

    /// <summary>Begins at batch <paramref name="first"/> with a thread for each maker. What is done to a whole batch is done by <paramref name="finish"/>, on the thread that makes its last sample.</summary>
    internal BatchFilling(IEnumerable<HostBatch> free, IEnumerable<SampleMaker> makers, int[] order, int size, int batches, int epoch, int first, Action<HostBatch> finish)
    {
        (this.free, this.order, this.size, this.batches, this.epoch, this.finish, number) = (new(free), order, size, batches, epoch, finish, first);
        threads = [.. makers.Select(maker => new Thread(() => Work(maker)) { IsBackground = true, Name = "minitorch loader" })];
        running = threads.Length;
        foreach (Thread thread in threads) thread.Start();
    }

    /// <summary>Waits for a batch; null if the epoch failed before.</summary>
    internal HostBatch? Take(int wanted)
    {
        lock (gate)
        {
            HostBatch? batch;
            while (!full.Remove(wanted, out batch) && running > 0) Monitor.Wait(gate);
            return batch;
        }
    }

    /// <summary>Which batch failed and why, once no thread runs.</summary>
    internal (int Number, Exception Why)? Fault => fault is { } f ? ((int)(f.At / size), f.Why) : null;

    /// <summary>Lets a batch be filled again.</summary>
    internal void Give(HostBatch batch)
    {
        lock (gate)
        {
            free.Enqueue(batch);
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Ends the threads, each after the sample that it is at.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            stopped = true;
            Monitor.PulseAll(gate);
        }
        foreach (Thread thread in threads) thread.Join();
    }

    void Work(SampleMaker maker)
    {
        long at = 0;
        try
        {
            while (Begin() is (HostBatch batch, int sample))
            {
                at = (long)batch.Number * size + sample;
                batch.Labels[sample] = maker.Make(order[at], epoch, batch.Sample(sample), why =>
                {
                    lock (gate) batch.Unreadable.Add((sample, why));
                });
                if (Interlocked.Decrement(ref batch.Missing) > 0) continue;
                finish(batch);
                lock (gate)
                {
                    full.Add(batch.Number, batch);
                    Monitor.PulseAll(gate);
                }
            }
        }
        catch (Exception e)
        {
            lock (gate)
                if (fault is null || at < fault.Value.At) fault = (at, e);          // told by the thread that asks
        }
        lock (gate)
        {
            running--;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>The next sample to make; null if there is none, or none wanted.</summary>
    (HostBatch Batch, int Place)? Begin()
    {
        lock (gate)
        {
            while (filling is null)
            {
                if (number == batches || stopped || fault is not null) return null;
                if (!free.TryDequeue(out filling))
                {
                    Monitor.Wait(gate);
                    continue;
                }
                filling.Number = number;
                filling.Count = filling.Missing = Math.Min(size, order.Length - number * size);
                filling.Unreadable.Clear();
                place = 0;
            }
            if (stopped || fault is not null) return null;
            (HostBatch, int) next = (filling, place);
            if (++place == filling.Count) (filling, number) = (null, number + 1);
            return next;
        }
    }
}
