using MiniTorch.Cuda.Emulation;

namespace MiniTorch.Cuda;

/// <summary>A row-major matrix, or a batch of them, in the memory of the emulated GPU, as a library is told of it: of 32-bit floats or bf16.</summary>
readonly record struct ServedMatrix(string Name, Pointer At, long Rows, long Columns, long Leading, DType Type, int Batch = 1, long Stride = 0)
{
    int Element => Type.Size();

    long Elements => (Batch - 1) * Stride + (Rows - 1) * Leading + Columns;

    /// <summary>Its 32-bit floats in this process, once every element lies in one allocation and no row overlaps the next. Those of bf16 are a copy, which is undefined as yet.</summary>
    internal unsafe ServedNumbers OnHost(DeviceMemory memory)
    {
        Pointer host = Address(memory);
        return Type == DType.Float32 ? new(host, false) : ServedNumbers.Take(Elements);
    }

    /// <summary>As <see cref="OnHost"/>, and every element has been written; those of bf16 are widened.</summary>
    internal unsafe ServedNumbers Read(DeviceMemory memory)
    {
        Pointer host = Address(memory);
        Allocation allocation = memory.Find((ulong)At.Address)!;
        foreach (long offset in RowOffsets(allocation))
            if (allocation.FirstUnwritten(offset, Element * Columns) is >= 0 and long first)
                throw new EmulationException($"{Name}: the element {first - offset} bytes behind 0x{allocation.Address + (ulong)offset:x} has not been written");
        if (Type == DType.Float32) return new(host, false);
        ServedNumbers numbers = ServedNumbers.Take(Elements);
        foreach (long row in RowPlaces())
            for (long i = row; i < row + Columns; i++) numbers.At.As<float>()[i] = host.As<BFloat16>()[i];
        return numbers;
    }

    /// <summary>Takes the results in, those of bf16 rounded, and notes that every element has been written.</summary>
    internal unsafe void Written(DeviceMemory memory, in ServedNumbers numbers)
    {
        if (Type == DType.BFloat16)
        {
            BFloat16* host = Address(memory).As<BFloat16>();
            foreach (long row in RowPlaces())
                for (long i = row; i < row + Columns; i++) host[i] = (BFloat16)numbers.At.As<float>()[i];
        }
        Allocation allocation = memory.Find((ulong)At.Address)!;
        foreach (long offset in RowOffsets(allocation)) allocation.MarkWritten(offset, Element * Columns);
    }

    unsafe Pointer Address(DeviceMemory memory)
    {
        if (Leading < Columns) throw new EmulationException($"{Name}: rows of {Columns} elements cannot lie {Leading} apart");
        long bytes = Element * Elements;
        ulong address = (ulong)At.Address;
        Allocation? allocation = memory.Find(address);
        if (allocation is null || allocation.Freed || (long)(address - allocation.Address) + bytes > allocation.Bytes)
            throw new EmulationException($"{Name}: {Batch} x {Rows} x {Columns} elements, rows {Leading} apart, need {bytes} bytes at 0x{address:x}, which {memory.Describe(address)}");
        return Pointer.At((void*)(allocation.Origin + address));
    }

    List<long> RowPlaces()
    {
        List<long> places = [];
        for (int b = 0; b < Batch; b++)
            for (long row = 0; row < Rows; row++) places.Add(b * Stride + row * Leading);
        return places;
    }

    IEnumerable<long> RowOffsets(Allocation allocation)
    {
        long begin = (long)((ulong)At.Address - allocation.Address);
        foreach (long place in RowPlaces()) yield return begin + Element * place;
    }
}
