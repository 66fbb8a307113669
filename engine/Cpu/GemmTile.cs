using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace MiniTorch;

/// <summary>
/// The micro-kernel: 6 rows by two registers of C. The accumulators are plain locals, which the JIT keeps in registers (12 + 2 of B + 1 of A = 15 of 16);
/// an array or a loop over them would put them on the stack. With operands in L2 it runs at 93-97 % of the FMA peak at 256 and 512 bits, so wider registers
/// get no larger tile.
/// </summary>
static unsafe class GemmTile
{
    /// <summary>Rows of a tile.</summary>
    internal const int Rows = 6;

    /// <summary>
    /// C[r, j] = start[r, j] + Σₖ A[r · rowA + k · stepA] · B[k · stepB, j] for high ≤ 6 rows and wide ≤ 2 registers of columns. A has all 6 rows; B all columns.
    /// Start may be C itself.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Run<T, V>(T* a, int rowA, int stepA, T* b, int stepB, int depth, int high, int wide, T* start, int leadingStart, T* c, int leadingC, Ahead<T> ahead)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        if (high == Rows && wide == 2 * V.Count) Full<T, V>(a, rowA, stepA, b, stepB, depth, start, leadingStart, c, leadingC, ahead.At, ahead.Row, ahead.Step);
        else Edge<T, V>(a, rowA, stepA, b, stepB, depth, high, wide, start, leadingStart, c, leadingC, ahead);
    }

    static void Edge<T, V>(T* a, int rowA, int stepA, T* b, int stepB, int depth, int high, int wide, T* start, int leadingStart, T* c, int leadingC, Ahead<T> ahead)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int width = 2 * V.Count;
        T* tile = stackalloc T[Rows * width];
        for (int r = 0; r < high; r++) Copy<T, V>(start + (long)r * leadingStart, tile + r * width, wide);
        Full<T, V>(a, rowA, stepA, b, stepB, depth, tile, width, tile, width, ahead.At, ahead.Row, ahead.Step);
        for (int r = 0; r < high; r++) Copy<T, V>(tile + r * width, c + (long)r * leadingC, wide);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Copy<T, V>(T* from, T* to, int n) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int i = 0;
        for (; i <= n - V.Count; i += V.Count) V.Load(from + i).Store(to + i);
        for (; i < n; i++) to[i] = from[i];
    }

    /// <summary>Addresses are few, so that they too stay in registers: two pointers into A, each with rows 0, 1 and 2 from it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Full<T, V>(T* a, nint rowA, nint stepA, T* b, nint stepB, int depth, T* start, nint leadingStart, T* c, nint leadingC, T* ahead, nint aheadRow, nint aheadStep)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        if (Sse.IsSupported && start != c)                      // else they are read now
            for (int r = 0; r < Rows; r++)
            {
                Sse.Prefetch0(c + r * leadingC);
                if (2 * V.Count > CacheLine.Of<T>()) Sse.Prefetch0(c + r * leadingC + V.Count);
            }
        V c00 = V.Load(start), c01 = V.Load(start + V.Count);
        V c10 = V.Load(start + leadingStart), c11 = V.Load(start + leadingStart + V.Count);
        V c20 = V.Load(start + 2 * leadingStart), c21 = V.Load(start + 2 * leadingStart + V.Count);
        V c30 = V.Load(start + 3 * leadingStart), c31 = V.Load(start + 3 * leadingStart + V.Count);
        V c40 = V.Load(start + 4 * leadingStart), c41 = V.Load(start + 4 * leadingStart + V.Count);
        V c50 = V.Load(start + 5 * leadingStart), c51 = V.Load(start + 5 * leadingStart + V.Count);
        nint rowA2 = 2 * rowA;
        T* a3 = a + rowA + rowA2;
        V b0, b1, x;
        while (depth > 0)
        {
            if (Sse.IsSupported)
            {
                T* fetch = ahead;
                for (int r = 0; r < Rows; r++, fetch += aheadRow) Sse.Prefetch1(fetch);
                ahead += aheadStep;
            }
            int steps = Math.Min(depth, CacheLine.Of<T>());
            depth -= steps;
            do
            {
                b0 = V.Load(b);
                b1 = V.Load(b + V.Count);
                x = V.All(a[0]); c00 = V.MultiplyAdd(b0, x, c00); c01 = V.MultiplyAdd(b1, x, c01);
                x = V.All(a[rowA]); c10 = V.MultiplyAdd(b0, x, c10); c11 = V.MultiplyAdd(b1, x, c11);
                x = V.All(a[rowA2]); c20 = V.MultiplyAdd(b0, x, c20); c21 = V.MultiplyAdd(b1, x, c21);
                x = V.All(a3[0]); c30 = V.MultiplyAdd(b0, x, c30); c31 = V.MultiplyAdd(b1, x, c31);
                x = V.All(a3[rowA]); c40 = V.MultiplyAdd(b0, x, c40); c41 = V.MultiplyAdd(b1, x, c41);
                x = V.All(a3[rowA2]); c50 = V.MultiplyAdd(b0, x, c50); c51 = V.MultiplyAdd(b1, x, c51);
                a += stepA;
                a3 += stepA;
                b += stepB;
            }
            while (--steps > 0);
        }
        c00.Store(c); c01.Store(c + V.Count);
        c10.Store(c + leadingC); c11.Store(c + leadingC + V.Count);
        c20.Store(c + 2 * leadingC); c21.Store(c + 2 * leadingC + V.Count);
        c30.Store(c + 3 * leadingC); c31.Store(c + 3 * leadingC + V.Count);
        c40.Store(c + 4 * leadingC); c41.Store(c + 4 * leadingC + V.Count);
        c50.Store(c + 5 * leadingC); c51.Store(c + 5 * leadingC + V.Count);
    }
}
