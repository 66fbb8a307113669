namespace MiniTorch.Cuda;

/// <summary>The values that a float32 scalar on the device has had, read while later work runs: noting one waits for nothing, taking one waits until the device has come past its note.</summary>
sealed unsafe class LateValues : IDisposable
{
    const int Most = 4;             // notes that have not been taken

    readonly ICudaDriver driver;
    readonly nint compute, host;
    readonly Tensor value;
    readonly nint[] copied = new nint[Most];
    long noted, taken;

    internal LateValues(ICudaDriver driver, nint compute, Tensor value)
    {
        (this.driver, this.compute, this.value, host) = (driver, compute, value, driver.AllocateHost(Most * CacheLine.Bytes));
        for (int i = 0; i < Most; i++) copied[i] = driver.CreateEvent(timed: false);
    }

    /// <summary>Notes that are still to be taken.</summary>
    internal int Count => (int)(noted - taken);

    /// <summary>Notes the value that the scalar has once what is queued has run.</summary>
    internal void Note()
    {
        if (Count == Most) throw new InvalidOperationException($"{Most} values are noted already; take one");
        int place = (int)(noted++ % Most);
        driver.CopyToHost(value.Address, At(place), sizeof(float), compute);
        driver.Record(copied[place], compute);
    }

    /// <summary>The value of the oldest note.</summary>
    internal float Take()
    {
        if (Count == 0) throw new InvalidOperationException("no value is noted");
        int place = (int)(taken++ % Most);
        driver.WaitHere(copied[place]);
        return *(float*)At(place);
    }

    public void Dispose()
    {
        for (; Count > 0; Take()) { }
        foreach (nint mark in copied) driver.DestroyEvent(mark);
        driver.FreeHost(host);
    }

    nint At(int place) => host + place * CacheLine.Bytes;
}
