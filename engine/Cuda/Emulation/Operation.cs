namespace MiniTorch.Cuda.Emulation;

/// <summary>
/// A decoded instruction. Registers, constants and predicates are byte offsets into the warp's register file: destinations D and E, sources A, B, C and F. A memory operand
/// is the address in A plus <see cref="Offset"/>; vectors and fragments are in <see cref="List"/>.
/// </summary>
internal unsafe struct Operation
{
    /// <summary>Executes the operation for the lanes of the mask.</summary>
    internal delegate*<Warp, Operation*, uint, void> Run;
    internal int D, E, A, B, C, F;

    /// <summary>Predicate that says which lanes take part, or −1.</summary>
    internal int Guard;

    /// <summary>All ones where the guard is negated.</summary>
    internal uint GuardFlip;

    /// <summary>How many operations from here on, this one included, have no guard and do not change the flow; nothing enters between them.</summary>
    internal int Straight;

    /// <summary>Where a branch goes, and where its two ways meet.</summary>
    internal int Target, Reconverge;

    /// <summary>Elements of a vector, or the immediate of an instruction that has one.</summary>
    internal int Count;

    /// <summary>What the opcode's modifiers say, in its own code.</summary>
    internal int Modifier;

    /// <summary>The address in A, and in B of a copy, has 64 bits.</summary>
    internal bool Wide, WideSource;
    internal long Offset, SourceOffset;

    /// <summary>Elements of a vector load that nobody reads: padding, about which nothing is checked but its bounds.</summary>
    internal uint Unread;
    internal int* List;

    /// <summary>Registers of which it is watched whether they have been set: count and words of those read, then of those written; executed around <see cref="Inner"/>.</summary>
    internal int* Tracking;
    internal delegate*<Warp, Operation*, uint, void> Inner;
}
