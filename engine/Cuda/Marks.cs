namespace MiniTorch.Cuda;

/// <summary>Moments of a stream, numbered. Their events are reused in turn, so a moment can be asked for until so many more have been noted.</summary>
sealed class Marks(ICudaDriver driver, nint stream)
{
    const int Most = 1 << 16;

    readonly List<nint> events = [];
    long next;

    /// <summary>Notes this moment.</summary>
    internal long Note()
    {
        int place = (int)(next % Most);
        if (place == events.Count) events.Add(driver.CreateEvent(timed: true));
        driver.Record(events[place], stream);
        return next++;
    }

    /// <summary>Seconds between two moments; waits until the stream has come past them.</summary>
    internal double Seconds(long from, long to)
    {
        (nint first, nint last) = Events(from, to);
        driver.WaitHere(from < to ? last : first);
        return driver.Seconds(first, last);
    }

    /// <summary>The events of two moments.</summary>
    internal (nint From, nint To) Events(long from, long to)
        => next - Math.Min(from, to) <= Most ? (At(from), At(to)) : throw new InvalidOperationException($"only the last {Most} moments of a stream are kept");

    internal void Dispose()
    {
        foreach (nint mark in events) driver.DestroyEvent(mark);
        events.Clear();
    }

    nint At(long moment) => events[(int)(moment % Most)];
}
