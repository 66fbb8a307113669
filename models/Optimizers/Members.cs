using System.Runtime.InteropServices;

namespace MiniTorch.Models;

/// <summary>What a launch over many tensors knows of one: where it lies, and whatever belongs to it.</summary>
interface IMember
{
    /// <summary>Number of elements.</summary>
    int Count { get; }
}

/// <summary>
/// The tensors of one launch, large and small alike: a table in device memory, and the blocks of all of them in one row. A block is the same part of its tensor as in a
/// launch for that tensor alone.
/// </summary>
readonly unsafe struct Members<M> where M : unmanaged, IMember
{
    readonly Pointer firstBlocks, table;

    Members(Pointer firstBlocks, Pointer table, int count, int blocks, long elements)
        => (this.firstBlocks, this.table, Count, Blocks, Elements) = (firstBlocks, table, count, blocks, elements);

    /// <summary>Number of tensors.</summary>
    internal int Count { get; }

    /// <summary>Blocks of all of them.</summary>
    internal int Blocks { get; }

    /// <summary>Elements of all of them.</summary>
    internal long Elements { get; }

    /// <summary>Writes the table into memory of the current step.</summary>
    internal static Members<M> Of(Device device, ReadOnlySpan<M> members)
    {
        int[] first = new int[members.Length + 1];
        long elements = 0;
        for (int i = 0; i < members.Length; i++)
        {
            first[i + 1] = first[i] + Workers.Blocks(members[i].Count);
            elements += members[i].Count;
        }
        return new(Written<int>(device, first), Written(device, members), members.Length, first[^1], elements);
    }

    static Pointer Written<T>(Device device, ReadOnlySpan<T> values) where T : unmanaged
    {
        ReadOnlySpan<int> words = MemoryMarshal.Cast<T, int>(values);
        Tensor memory = Tensor.Empty([words.Length], DType.Int32, device);
        memory.Write(words);
        return memory;
    }

    /// <summary>What a CUDA kernel gets of them.</summary>
    internal MembersLaunch Record => new(firstBlocks, table, Count);

    /// <summary>Thread blocks of a CUDA kernel over them: some for each block.</summary>
    internal int Grid => checked(Blocks * MembersLaunch.Parts);

    /// <summary>An entry of the table.</summary>
    internal ref readonly M this[int member] => ref table.As<M>()[member];

    /// <summary>Blocks [begin, end) of a tensor.</summary>
    internal (int Begin, int End) BlocksOf(int member) => (firstBlocks.As<int>()[member], firstBlocks.As<int>()[member + 1]);

    /// <summary>The tensor that a block is part of, and its elements [begin, end).</summary>
    internal ref readonly M Find(int block, out int begin, out int end)
    {
        int* first = firstBlocks.As<int>();
        int low = 0, high = Count;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            if (first[middle] <= block) low = middle;
            else high = middle;
        }
        ref readonly M member = ref this[low];
        (begin, end) = Workers.Range(block - first[low], member.Count);
        return ref member;
    }
}

/// <summary>The tensors of a launch as CUDA kernels take them: <c>Members</c> of members.h.</summary>
readonly record struct MembersLaunch(Pointer FirstBlocks, Pointer Table, int Count)
{
    internal const int Parts = 4, Threads = 256;
}

/// <summary>Two tensors of one shape.</summary>
readonly record struct Pair(Pointer A, Pointer B, int Count) : IMember;
