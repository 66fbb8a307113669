namespace MiniTorch;

/// <summary>
/// Memory of the host that a device copies from by itself, page-locked for a GPU. What is sent is queued; the memory is left as it is until <see cref="Wait"/> returns. Its contents are undefined at first.
/// </summary>
sealed unsafe class HostMemory(Device device, long bytes) : IDisposable
{
    readonly nint address = device.TakeHost(bytes);
    nint fence;

    /// <summary>So many values from a byte on.</summary>
    internal Span<T> Values<T>(long offset, int count) where T : unmanaged
    {
        if (offset < 0 || offset + (long)count * sizeof(T) > bytes) throw new ArgumentOutOfRangeException(nameof(count), count, $"there are {bytes} bytes, asked for {count} values behind {offset}");
        return new((void*)(address + (nint)offset), count);
    }

    /// <summary>Queues the copy of a whole tensor from a byte on.</summary>
    internal void Send(long offset, Tensor to)
    {
        if (offset < 0 || offset + to.Bytes > bytes) throw new ArgumentOutOfRangeException(nameof(offset), offset, $"there are {bytes} bytes, {to} has {to.Bytes}");
        device.Send(address + (nint)offset, to.InPlace().Address, to.Bytes);
        fence = device.Fence(fence);
        GC.KeepAlive(to);
    }

    /// <summary>Waits until all that was sent has been read.</summary>
    internal void Wait()
    {
        if (fence != 0) device.Pass(fence);
    }

    /// <summary>Gives the memory back once all that was sent has been read.</summary>
    public void Dispose()
    {
        Wait();
        device.GiveHost(address, fence);
    }
}
