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

    internal Members(Pointer firstBlocks, Pointer table, int count, int blocks, long elements)
        => (this.firstBlocks, this.table, Count, Blocks, Elements) = (firstBlocks, table, count, blocks, elements);

    /// <summary>Number of tensors.</summary>
    internal int Count { get; }

    /// <summary>Blocks of all of them.</summary>
    internal int Blocks { get; }

    /// <summary>Elements of all of them.</summary>
    internal long Elements { get; }

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

/// <summary>Where the table of a launch that is repeated lies. It is written again only when it has changed: a steady step copies nothing to the device for it.</summary>
sealed class MemberTable<M>(Device device) : IDisposable where M : unmanaged, IMember, IEquatable<M>
{
    M[] written = [];
    Tensor? firstBlocks, table;
    int blocks;
    long elements;

    /// <summary>The table with these tensors.</summary>
    internal Members<M> Of(ReadOnlySpan<M> members)
    {
        if (firstBlocks is null || !members.SequenceEqual(written)) Write(members);
        return new(firstBlocks, table, members.Length, blocks, elements);
    }

    void Write(ReadOnlySpan<M> members)
    {
        written = members.ToArray();
        int[] first = new int[members.Length + 1];
        elements = 0;
        for (int i = 0; i < members.Length; i++)
        {
            first[i + 1] = first[i] + Workers.Blocks(members[i].Count);
            elements += members[i].Count;
        }
        blocks = first[^1];
        Written<int>(ref firstBlocks, first);
        Written(ref table, members);
    }

    void Written<T>(ref Tensor? memory, ReadOnlySpan<T> values) where T : unmanaged
    {
        ReadOnlySpan<int> words = MemoryMarshal.Cast<T, int>(values);
        if (memory?.Count != words.Length)
        {
            memory?.Free();
            memory = Tensor.Lasting([words.Length], DType.Int32, device);
        }
        memory.Write(words);
    }

    public void Dispose()
    {
        firstBlocks?.Free();
        table?.Free();
    }
}

/// <summary>The tensors of a launch as CUDA kernels take them: <c>Members</c> of members.h.</summary>
readonly record struct MembersLaunch(Pointer FirstBlocks, Pointer Table, int Count)
{
    internal const int Parts = 4, Threads = 256;
}

/// <summary>Two tensors of one shape.</summary>
readonly record struct Pair(Pointer A, Pointer B, int Count) : IMember;
