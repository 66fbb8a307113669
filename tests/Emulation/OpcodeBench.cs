using System.Text;
using MiniTorch.Cuda.Emulation;

namespace MiniTorch.Tests.Emulation;

/// <summary>
/// Runs one instruction on many operands: each operand is loaded from a buffer of 8 bytes a lane, the result stored to one. Letters say what an operand is: p, h, r, d
/// for 1, 16, 32 and 64 bits. Everything runs twice: with all lanes, and under a guard with every third lane left out, which must keep what it had.
/// </summary>
static class OpcodeBench
{
    const ulong Kept = 0x5555_5555_5555_5555;

    internal static ulong[] Run(string instruction, char result, string sources, ulong[][] rows, string modifiers = "")
    {
        ulong[] all = Launch(instruction, result, sources, rows, modifiers, guarded: false), some = Launch(instruction, result, sources, rows, modifiers, guarded: true);
        for (int i = 0; i < all.Length; i++)
            Assert.True(some[i] == (i % 3 == 0 ? Mask(Kept, result) : all[i]), $"{instruction}, row {i}: {some[i]:x} under a guard, {all[i]:x} without");
        return all;
    }

    /// <summary>Checks every row against a function of the operands.</summary>
    internal static void Check(string instruction, char result, string sources, IEnumerable<ulong[]> rows, Func<ulong[], ulong> expected, Func<ulong, ulong, bool>? same = null)
    {
        ulong[][] list = [.. rows];
        ulong[] actual = Run(instruction, result, sources, list);
        for (int i = 0; i < list.Length; i++)
        {
            ulong wanted = Mask(expected(list[i]), result);
            Assert.True(same?.Invoke(wanted, actual[i]) ?? wanted == actual[i], $"{instruction} ({string.Join(", ", list[i].Select(v => v.ToString("x")))}) gives {actual[i]:x}, but {wanted:x} is right");
        }
    }

    static ulong Mask(ulong value, char kind) => kind switch { 'p' => value & 1, 'h' => (ushort)value, 'r' => (uint)value, _ => value };

    static ulong[] Launch(string instruction, char result, string sources, ulong[][] rows, string modifiers, bool guarded)
    {
        using Bench bench = new();
        int count = rows.Length;
        StringBuilder body = new();
        body.AppendLine("mov.u32 %r0, %tid.x; mov.u32 %r1, %ctaid.x; shl.b32 %r1, %r1, 5; add.u32 %r0, %r0, %r1; ld.param.u32 %r2, [n]; setp.ge.u32 %p0, %r0, %r2; @%p0 ret;");
        body.AppendLine("mul.wide.u32 %d0, %r0, 8; ld.param.u64 %d1, [out]; add.u64 %d1, %d1, %d0; rem.u32 %r3, %r0, 3; setp.ne.u32 %p1, %r3, 0;");
        for (int s = 0; s < sources.Length; s++) AppendSource(body, s, sources[s]);
        body.AppendLine(result == 'p' ? "setp.ne.u32 %p30, 1, 0;" : $"mov.b{Bits(result)} %{result}30, {Mask(Kept, result)};");
        string operands = string.Join(", ", sources.Select((kind, s) => $"%{kind}{20 + s}"));
        body.AppendLine($"{(guarded ? "@%p1 " : "")}{instruction} %{result}30, {operands}{modifiers};");
        body.AppendLine(result switch
        {
            'p' => "selp.u32 %r29, 1, 0, %p30; cvt.u64.u32 %d30, %r29;",
            'h' => "cvt.u64.u16 %d30, %h30;",
            'r' => "cvt.u64.u32 %d30, %r30;",
            _ => "",
        });
        body.AppendLine("st.global.u64 [%d1], %d30; ret;");
        string parameters = string.Join(", ", sources.Select((_, s) => $".param .u64 in{s}").Prepend(".param .u32 n").Prepend(".param .u64 out"));
        PlacedKernel kernel = bench.Load(Bench.Kernel(body.ToString(), parameters));
        ulong to = bench.Room(8 * count);
        object[] arguments = [to, count, .. sources.Select((_, s) => (object)bench.Buffer<ulong>([.. rows.Select(row => row[s])]))];
        Bench.Run(kernel, new Launch(new((count + 31) / 32), new(32)), arguments);
        return bench.Read<ulong>(to, count);
    }

    static void AppendSource(StringBuilder body, int s, char kind)
    {
        body.AppendLine($"ld.param.u64 %d2, [in{s}]; add.u64 %d2, %d2, %d0;");
        if (kind == 'p') body.AppendLine($"ld.global.u32 %r28, [%d2]; setp.ne.u32 %p{20 + s}, %r28, 0;");
        else body.AppendLine($"ld.global.b{Bits(kind)} %{kind}{20 + s}, [%d2];");
    }

    static int Bits(char kind) => kind switch { 'h' => 16, 'r' => 32, _ => 64 };

    /// <summary>All pairs of values.</summary>
    internal static IEnumerable<ulong[]> Pairs(ulong[] a, ulong[]? b = null) => from x in a from y in b ?? a select new[] { x, y };

    /// <summary>Random bits, every row another set.</summary>
    internal static IEnumerable<ulong[]> Random(int operands, int count, int seed = 1)
    {
        Random random = new(seed);
        for (int i = 0; i < count; i++) yield return [.. Enumerable.Range(0, operands).Select(_ => (ulong)random.NextInt64(long.MinValue, long.MaxValue))];
    }
}
