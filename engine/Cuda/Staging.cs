namespace MiniTorch.Cuda;

/// <summary>
/// Copies between the host and the device. What the host writes is copied to page-locked memory at once, from there on the copy stream to a landing place on the
/// device while kernels run, and from the landing place on the compute stream to where it belongs: so a batch travels during the step before its own.
/// </summary>
sealed unsafe class Staging(ICudaDriver driver, Func<long, nint> allocate, nint compute, nint copy)
{
    const int Large = 4, Many = 64;         // places for batches, and for the numbers of a step: so many that no write waits for the steps before its own
    const long Small = 1 << 16;             // bytes that are not worth the way round
    const long Largest = 64 << 20;          // of one place; more goes in parts

    /// <summary>Page-locked memory, its landing place, and events: the bytes have landed, the landing place is free again.</summary>
    struct Place
    {
        internal nint Host, Landing, Landed, Emptied;
        internal long Bytes;
    }

    readonly Place[] large = new Place[Large], small = new Place[Many];
    nint numbers;                           // page-locked memory of all the small places
    int turnOfLarge, turnOfSmall;

    internal void Write(nint from, nint to, long bytes)
    {
        for (long done = 0; done < bytes; done += Largest)
        {
            long part = Math.Min(Largest, bytes - done);
            ref Place place = ref Next(part);
            Pin(ref place);
            Buffer.MemoryCopy((void*)(from + done), (void*)place.Host, part, part);
            Copy(ref place, place.Host, to + (nint)done, part);
        }
    }

    /// <summary>Writes from memory that is page-locked already and stays as it is until the compute stream has come here.</summary>
    internal void Send(nint host, nint to, long bytes)
    {
        for (long done = 0; done < bytes; done += Largest)
        {
            long part = Math.Min(Largest, bytes - done);
            Copy(ref Next(part), host + (nint)done, to + (nint)done, part);
        }
    }

    /// <summary>From page-locked memory to where it belongs, by way of the landing place if it is much.</summary>
    void Copy(ref Place place, nint host, nint to, long bytes)
    {
        if (bytes <= Small) driver.CopyToDevice(host, to, bytes, compute);
        else
        {
            if (place.Landing == 0) Land(ref place);
            driver.CopyToDevice(host, place.Landing, bytes, copy);
            driver.Record(place.Landed, copy);
            driver.Wait(compute, place.Landed);
            driver.CopyWithin(place.Landing, to, bytes, compute);
        }
        driver.Record(place.Emptied, compute);
    }

    /// <summary>Waits for what is queued on the compute stream.</summary>
    internal void Read(nint from, nint to, long bytes)
    {
        for (long done = 0; done < bytes; done += Largest)
        {
            long part = Math.Min(Largest, bytes - done);
            ref Place place = ref Next(part);
            Pin(ref place);
            driver.CopyToHost(from + (nint)done, place.Host, part, compute);
            driver.Record(place.Emptied, compute);
            driver.WaitHere(place.Emptied);
            Buffer.MemoryCopy((void*)place.Host, (void*)(to + (nint)done), part, part);
        }
    }

    /// <summary>The next place, empty and large enough.</summary>
    ref Place Next(long bytes)
    {
        if (bytes <= Small && numbers == 0) Lay();
        ref Place place = ref bytes <= Small ? ref InTurn(small, ref turnOfSmall) : ref InTurn(large, ref turnOfLarge);
        if (place.Emptied == 0) (place.Landed, place.Emptied) = (driver.CreateEvent(timed: false), driver.CreateEvent(timed: false));
        else driver.WaitHere(place.Emptied);
        if (place.Bytes >= bytes) return ref place;
        Free(ref place);
        place.Bytes = (long)BitOperations.RoundUpToPowerOf2((ulong)bytes);
        return ref place;
    }

    static ref Place InTurn(Place[] places, ref int turn)
    {
        ref Place place = ref places[turn];
        turn = (turn + 1) % places.Length;
        return ref place;
    }

    /// <summary>Gives all small places their memory at once, so that no step has to wait for some.</summary>
    void Lay()
    {
        numbers = driver.AllocateHost(Many * Small);
        for (int i = 0; i < Many; i++) (small[i].Host, small[i].Bytes) = (numbers + i * (nint)Small, Small);
    }

    void Pin(ref Place place)
    {
        if (place.Host == 0) place.Host = driver.AllocateHost(place.Bytes);
    }

    void Land(ref Place place)
    {
        place.Landing = allocate(place.Bytes);
        driver.Record(place.Emptied, compute);
        driver.Wait(copy, place.Emptied);           // the landing place exists once the compute stream has come here
    }

    void Free(ref Place place)
    {
        place.Bytes = 0;
        if (place.Host != 0) driver.FreeHost(place.Host);
        if (place.Landing != 0) driver.Free(place.Landing, compute);
        (place.Host, place.Landing) = (0, 0);
    }

    internal void Dispose()
    {
        foreach (ref Place place in large.AsSpan()) Free(ref place);
        if (numbers != 0) driver.FreeHost(numbers);
        foreach (Place[] places in (ReadOnlySpan<Place[]>)[large, small])
            foreach (Place place in places)
            {
                if (place.Emptied == 0) continue;
                driver.DestroyEvent(place.Landed);
                driver.DestroyEvent(place.Emptied);
            }
    }
}
