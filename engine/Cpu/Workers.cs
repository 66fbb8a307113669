using System.Diagnostics;
using System.Runtime.InteropServices;

namespace MiniTorch;

/// <summary>
/// Threads that share the items of one loop. Each begins with a range of its own, the same part of every loop, so that what it wrote last is still near its core, and then
/// takes over what others have not begun. What an item computes never depends on who runs it, and reductions go over fixed blocks whose partial results are combined in order,
/// so results are equal to the last bit for any number of threads.
/// </summary>
public sealed unsafe class Workers : IDisposable
{
    const int BlockSize = 16384;
    const int Apart = 16;                   // tickets, in pairs of lines: processors fetch such pairs
    const int SpinMicroseconds = 60;        // then a waiting thread sleeps: spinning on would take the core from other processes

    [ThreadStatic] static bool inside;
    [ThreadStatic] static void* local;
    [ThreadStatic] static long localBytes;
    static long allLocalBytes;

    readonly Lock calls = new();
    readonly object gate = new();
    volatile int parked;
    volatile bool ended;

    // A job: written by the caller while the tickets are closed, read by workers while they are open.
    void* args;
    delegate*<void*, int, void> body;
    int items;
    int done;
    Exception? fault;
    readonly long[] tickets;                // one for each range. High half: number of the job; low half: next item, int.MaxValue while closed

    internal Workers(int threads)
    {
        Threads = threads;
        tickets = new long[(threads + 1) * Apart];
        for (int range = 0; range < threads; range++) Ticket(range) = int.MaxValue;
        for (int i = 1; i < threads; i++)
        {
            int own = i;
            new Thread(() => Work(own), 1 << 20) { IsBackground = true, Name = $"minitorch {i}" }.Start();
        }
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

    ref long Ticket(int range) => ref tickets[(range + 1) * Apart];

    /// <summary>Number of the job that is open, or was last.</summary>
    long Job => Volatile.Read(ref Ticket(0)) >> 32;

    void Share(int count, void* with, delegate*<void*, int, void> run)
    {
        long job = Job + 1;
        for (int range = 0; range < Threads; range++) Volatile.Write(ref Ticket(range), Ticket(range) | int.MaxValue);
        args = with;
        body = run;
        items = count;
        done = 0;
        for (int range = Threads - 1; range >= 0; range--) Volatile.Write(ref Ticket(range), job << 32 | (uint)Begin(range, count));
        if (parked > 0)
            lock (gate) Monitor.PulseAll(gate);
        Drain(0);
        for (int spins = 0; Volatile.Read(ref done) < count; spins++)
            if (spins < 500) Thread.SpinWait(4);
            else Thread.Yield();
        if (Interlocked.Exchange(ref fault, null) is { } e) throw new AggregateException("a kernel failed", e);
    }

    int Begin(int range, int count) => (int)((long)range * count / Threads);

    /// <summary>Runs what is left of the own range, then of the others.</summary>
    void Drain(int own)
    {
        inside = true;
        long job = Job;
        int ran = 0;
        for (int i = 0; i < Threads; i++) ran += Drain(job, (own + i) % Threads);
        inside = false;
        if (ran > 0) Interlocked.Add(ref done, ran);
    }

    /// <summary>Runs what nobody has begun of a range, and returns how many items that were.</summary>
    int Drain(long job, int range)
    {
        ref long ticket = ref Ticket(range);
        for (int ran = 0; ;)
        {
            long now = Volatile.Read(ref ticket);
            void* with = args;
            delegate*<void*, int, void> run = body;
            int item = (int)now;
            if (now >> 32 != job || item >= Begin(range + 1, items)) return ran;
            if (Interlocked.CompareExchange(ref ticket, now + 1, now) != now) continue;    // also fails if the job changed since it was read
            try
            {
                run(with, item);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                fault = e;
            }
            ran++;
        }
    }

    void Work(int own)
    {
        long seen = 0;
        while (!ended)
        {
            long start = Stopwatch.GetTimestamp();
            while (Job == seen && Stopwatch.GetElapsedTime(start).TotalMicroseconds < SpinMicroseconds) Thread.SpinWait(8);
            if (Job == seen)
                lock (gate)
                {
                    parked++;
                    while (Job == seen && !ended) Monitor.Wait(gate);
                    parked--;
                }
            seen = Job;
            Drain(own);
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
