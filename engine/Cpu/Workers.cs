using System.Diagnostics;
using System.Runtime.InteropServices;

namespace MiniTorch;

/// <summary>
/// Threads that share the items of one loop, handed out by a counter. What an item computes never depends on who runs it, and reductions go over fixed blocks
/// whose partial results are combined in order, so results are equal to the last bit for any number of threads.
/// </summary>
public sealed unsafe class Workers : IDisposable
{
    const int BlockSize = 16384;
    const int SpinMicroseconds = 60;        // then a waiting thread sleeps: spinning on would take the core from other processes

    [ThreadStatic] static bool inside;
    [ThreadStatic] static void* local;
    [ThreadStatic] static long localBytes;
    static long allLocalBytes;

    readonly Lock calls = new();
    readonly object gate = new();
    volatile int parked;
    volatile bool ended;

    // A job: written by the caller while the ticket is closed, read by workers while it is open.
    void* args;
    delegate*<void*, int, void> body;
    int items;
    int done;
    Exception? fault;
    long ticket = int.MaxValue;             // high half: number of the job; low half: next item, int.MaxValue while closed

    internal Workers(int threads)
    {
        Threads = threads;
        for (int i = 1; i < threads; i++) new Thread(Work, 1 << 20) { IsBackground = true, Name = $"minitorch {i}" }.Start();
    }

    /// <summary>Number of threads, the caller's among them.</summary>
    public int Threads { get; }

    /// <summary>Number of fixed blocks that <paramref name="count"/> elements are cut into.</summary>
    public static int Blocks(long count, int size = BlockSize) => (int)((count + size - 1) / size);

    /// <summary>Elements [begin, end) of a block.</summary>
    public static (int Begin, int End) Range(int block, int count, int size = BlockSize) => (block * size, Math.Min(count, (block + 1) * size));

    /// <summary>Runs body(args, item) for items 0 to items−1, in any order, and returns when all are done. Inside an item it runs in place.</summary>
    public void For<TArgs>(int items, in TArgs args, delegate*<in TArgs, int, void> body) where TArgs : unmanaged
    {
        if (items <= 1 || Threads == 1 || inside)
        {
            for (int i = 0; i < items; i++) body(in args, i);
            return;
        }
        fixed (TArgs* at = &args)
            lock (calls) Share(items, at, (delegate*<void*, int, void>)body);
    }

    /// <summary>Bytes that all threads of the process hold for <see cref="Local"/>.</summary>
    public static long LocalBytes => Volatile.Read(ref allLocalBytes);

    /// <summary>Memory of the calling thread, 64-byte aligned, at least this large; valid until the thread's next call. Contents are undefined.</summary>
    internal static T* Local<T>(long count) where T : unmanaged
    {
        long bytes = count * sizeof(T);
        if (bytes > localBytes)
        {
            NativeMemory.AlignedFree(local);
            local = HugePages.Take(bytes, bytes);
            Interlocked.Add(ref allLocalBytes, bytes - localBytes);
            localBytes = bytes;
        }
        return (T*)local;
    }

    void Share(int count, void* with, delegate*<void*, int, void> run)
    {
        long job = (ticket >> 32) + 1;
        Volatile.Write(ref ticket, ticket | int.MaxValue);
        args = with;
        body = run;
        items = count;
        done = 0;
        Volatile.Write(ref ticket, job << 32);
        if (parked > 0)
            lock (gate) Monitor.PulseAll(gate);
        Drain();
        for (int spins = 0; Volatile.Read(ref done) < count; spins++)
            if (spins < 500) Thread.SpinWait(4);
            else Thread.Yield();
        if (Interlocked.Exchange(ref fault, null) is { } e) throw new AggregateException("a kernel failed", e);
    }

    void Drain()
    {
        inside = true;
        long job = Volatile.Read(ref ticket) >> 32;
        while (true)
        {
            long now = Volatile.Read(ref ticket);
            void* with = args;
            delegate*<void*, int, void> run = body;
            int item = (int)now, count = items;
            if (now >> 32 != job || item >= count) break;
            if (Interlocked.CompareExchange(ref ticket, now + 1, now) != now) continue;    // also fails if the job changed since it was read
            try
            {
                run(with, item);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                fault = e;
            }
            Interlocked.Increment(ref done);
        }
        inside = false;
    }

    void Work()
    {
        long seen = 0;
        while (!ended)
        {
            long start = Stopwatch.GetTimestamp();
            while (Volatile.Read(ref ticket) >> 32 == seen && Stopwatch.GetElapsedTime(start).TotalMicroseconds < SpinMicroseconds) Thread.SpinWait(8);
            if (Volatile.Read(ref ticket) >> 32 == seen)
                lock (gate)
                {
                    parked++;
                    while (Volatile.Read(ref ticket) >> 32 == seen && !ended) Monitor.Wait(gate);
                    parked--;
                }
            seen = Volatile.Read(ref ticket) >> 32;
            Drain();
        }
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            ended = true;
            Monitor.PulseAll(gate);
        }
    }
}
