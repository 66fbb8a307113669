namespace MiniTorch;

/// <summary>A part of C that is final: rows from Row and columns from Column on, of one product of the batch.</summary>
readonly record struct GemmBlock(int Batch, int Row, int Column, int Rows, int Columns);

/// <summary>
/// What a kernel does with its product block by block, each while it still lies in cache: on the thread that finished it, in any order. Every element of C is in
/// exactly one block. The arguments must stay where they are until the product returns.
/// </summary>
readonly unsafe struct GemmEpilogue(void* args, delegate*<void*, in GemmBlock, void> body)
{
    internal static GemmEpilogue Of<TArgs>(TArgs* args, delegate*<in TArgs, in GemmBlock, void> body) where TArgs : unmanaged
        => new(args, (delegate*<void*, in GemmBlock, void>)body);

    /// <summary>Runs it on a block; nothing if there is none.</summary>
    internal void Run(in GemmBlock block)
    {
        if (body != null) body(args, block);
    }
}
