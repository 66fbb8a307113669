using MiniTorch.Cuda.Emulation;

namespace MiniTorch.Cuda;

/// <summary>A row-major matrix, or a batch of them, in the memory of the emulated GPU, as a library is told of it.</summary>
readonly record struct ServedMatrix(string Name, Pointer At, long Rows, long Columns, long Leading, int Batch = 1, long Stride = 0)
{
    const int Element = sizeof(float);

    /// <summary>Its address in this process, once every element lies in one allocation and no row overlaps the next.</summary>
    internal unsafe Pointer OnHost(DeviceMemory memory)
    {
        if (Leading < Columns) throw new EmulationException($"{Name}: rows of {Columns} elements cannot lie {Leading} apart");
        long bytes = Element * ((Batch - 1) * Stride + (Rows - 1) * Leading + Columns);
        ulong address = (ulong)At.Address;
        Allocation? allocation = memory.Find(address);
        if (allocation is null || allocation.Freed || (long)(address - allocation.Address) + bytes > allocation.Bytes)
            throw new EmulationException($"{Name}: {Batch} x {Rows} x {Columns} elements, rows {Leading} apart, need {bytes} bytes at 0x{address:x}, which {memory.Describe(address)}");
        return Pointer.At((void*)(allocation.Origin + address));
    }

    /// <summary>As <see cref="OnHost"/>, and every element has been written.</summary>
    internal Pointer Read(DeviceMemory memory)
    {
        Pointer host = OnHost(memory);
        Allocation allocation = memory.Find((ulong)At.Address)!;
        foreach (long offset in RowOffsets(allocation))
            if (allocation.FirstUnwritten(offset, Element * Columns) is >= 0 and long first)
                throw new EmulationException($"{Name}: the element {first - offset} bytes behind 0x{allocation.Address + (ulong)offset:x} has not been written");
        return host;
    }

    /// <summary>Notes that every element has been written.</summary>
    internal void Written(DeviceMemory memory)
    {
        Allocation allocation = memory.Find((ulong)At.Address)!;
        foreach (long offset in RowOffsets(allocation)) allocation.MarkWritten(offset, Element * Columns);
    }

    IEnumerable<long> RowOffsets(Allocation allocation)
    {
        long begin = (long)((ulong)At.Address - allocation.Address);
        for (int b = 0; b < Batch; b++)
            for (long row = 0; row < Rows; row++) yield return begin + Element * (b * Stride + row * Leading);
    }
}
