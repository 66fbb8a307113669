namespace MiniTorch.Cuda.Emulation;

/// <summary>Registers that say where a thread is. They lie in the register file like others and are filled when a warp takes its block.</summary>
internal static class SpecialRegisters
{
    static readonly Dictionary<string, Func<Warp, int, ulong>> values = new(StringComparer.Ordinal)
    {
        ["%tid.x"] = static (w, lane) => (ulong)w.ThreadAt(lane).X,
        ["%tid.y"] = static (w, lane) => (ulong)w.ThreadAt(lane).Y,
        ["%tid.z"] = static (w, lane) => (ulong)w.ThreadAt(lane).Z,
        ["%ntid.x"] = static (w, _) => (ulong)w.Block.Extent.X,
        ["%ntid.y"] = static (w, _) => (ulong)w.Block.Extent.Y,
        ["%ntid.z"] = static (w, _) => (ulong)w.Block.Extent.Z,
        ["%ctaid.x"] = static (w, _) => (ulong)w.Block.Place.X,
        ["%ctaid.y"] = static (w, _) => (ulong)w.Block.Place.Y,
        ["%ctaid.z"] = static (w, _) => (ulong)w.Block.Place.Z,
        ["%nctaid.x"] = static (w, _) => (ulong)w.Block.Grid.X,
        ["%nctaid.y"] = static (w, _) => (ulong)w.Block.Grid.Y,
        ["%nctaid.z"] = static (w, _) => (ulong)w.Block.Grid.Z,
        ["%laneid"] = static (_, lane) => (ulong)lane,
        ["%warpid"] = static (w, _) => (ulong)w.Number,
        ["%nwarpid"] = static (w, _) => (ulong)w.Block.WarpCount,
        ["%lanemask_eq"] = static (_, lane) => 1u << lane,
        ["%lanemask_lt"] = static (_, lane) => (1u << lane) - 1,
        ["%lanemask_le"] = static (_, lane) => uint.MaxValue >> 31 - lane,
        ["%lanemask_ge"] = static (_, lane) => uint.MaxValue << lane,
        ["%lanemask_gt"] = static (_, lane) => uint.MaxValue << lane << 1,
        ["%dynamic_smem_size"] = static (w, _) => (ulong)w.Block.DynamicBytes,
        ["%total_smem_size"] = static (w, _) => (ulong)w.Block.Shared.Bytes,
    };

    internal static bool Exists(string name) => IsClock(name) || values.ContainsKey(name);

    /// <summary>A clock is read when its instruction runs; it counts instructions of the warp.</summary>
    internal static bool IsClock(string name) => name is "%clock" or "%clock64" or "%globaltimer";

    /// <summary>What gives the value of a register for a lane.</summary>
    internal static Func<Warp, int, ulong> Values(string name) => values[name];

    /// <summary>Whether the value changes from block to block; it is then the same for all lanes.</summary>
    internal static bool ChangesWithBlock(string name) => name.StartsWith("%ctaid", StringComparison.Ordinal);
}
