using System.Runtime.InteropServices;

namespace MiniTorch.Cuda.Emulation;

/// <summary>The block that one thread of this process runs, then the next one: its warps in turn from barrier to barrier.</summary>
internal sealed unsafe class Block : IDisposable
{
    readonly Warp[] warps;
    readonly PlacedModule module;

    internal Block(PlacedModule module, Code code, in Launch launch, DeviceMemory memory, byte* parameters)
    {
        (this.module, Code, Grid, Extent, DynamicBytes, Memory) = (module, code, launch.Grid, launch.Block, launch.SharedBytes, memory);
        Parameters = parameters;
        (Checks, InstructionLimit) = (launch.Checks, launch.InstructionLimit);
        Counts = (OperationCounts*)NativeMemory.AllocZeroed((nuint)code.Length, (nuint)sizeof(OperationCounts));
        Shared = new(launch.SharedBytes > 0 ? code.DynamicOffset + launch.SharedBytes : code.SharedBytes);
        WarpCount = (int)(Extent.Count + Warp.Lanes - 1) / Warp.Lanes;
        warps = new Warp[WarpCount];
        for (int i = 0; i < WarpCount; i++) warps[i] = new(this, i, (int)Extent.Count - i * Warp.Lanes);
    }

    internal Code Code { get; }

    internal Dim3 Grid { get; }

    internal Dim3 Extent { get; }

    internal Dim3 Place { get; private set; }

    internal int WarpCount { get; }

    internal int DynamicBytes { get; }

    internal DeviceMemory Memory { get; }

    internal SharedMemory Shared { get; }

    internal byte* Parameters { get; }

    internal Checks Checks { get; }

    internal long InstructionLimit { get; }

    /// <summary>Of each operation, over all blocks so far.</summary>
    internal OperationCounts* Counts { get; }

    /// <summary>The allocation used last, likely to be used next.</summary>
    internal Allocation? LastAllocation { get; set; }

    internal ulong AddressOf(string variable) => module.AddressOf(variable);

    public void Dispose()
    {
        foreach (Warp warp in warps) warp.Dispose();
        Shared.Dispose();
        NativeMemory.Free(Counts);
    }

    internal void Run(Dim3 place)
    {
        Place = place;
        Shared.Start();
        foreach (Warp warp in warps) warp.Start();
        for (int waiting = int.MaxValue; waiting > 0;)
        {
            waiting = 0;
            foreach (Warp warp in warps)
            {
                if (warp.Finished) continue;
                warp.Run();
                if (!warp.Finished) waiting++;
            }
            if (waiting > 0) Meet();
        }
    }

    /// <summary>All warps that are left wait: at one barrier, or for ever.</summary>
    void Meet()
    {
        Warp? first = null;
        foreach (Warp warp in warps)
        {
            if (warp.Finished) continue;
            first ??= warp;
            if (warp.Pc != first.Pc)
                throw At(warp, $"barrier in divergent code: warp {warp.Number} waits here, but warp {first.Number} waits at line {Code.Statements[first.Pc - 1].Line}");
        }
        foreach (Warp warp in warps)
        {
            if (warp.Exited == 0) continue;
            int lane = BitOperations.TrailingZeroCount(warp.Exited);
            throw At(first!, $"deadlock: thread {warp.ThreadAt(lane)} and others have returned and never reach this barrier");
        }
        Shared.PassBarrier();
    }

    EmulationException At(Warp warp, string problem) => warp.Fault(Code.Operations + warp.Pc - 1, BitOperations.TrailingZeroCount(warp.Active), problem);
}
