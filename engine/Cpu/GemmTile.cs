using System.Runtime.CompilerServices;

namespace MiniTorch;

/// <summary>
/// The micro-kernel: 6 rows by two registers of C. The accumulators are plain locals, which the JIT keeps in registers (12 + 2 of B + 1 of A = 15 of 16);
/// an array or a loop over them would put them on the stack.
/// </summary>
static unsafe class GemmTile
{
    /// <summary>Rows of a tile.</summary>
    internal const int Rows = 6;

    /// <summary>
    /// C[r, j] = start[r, j] + Σₖ A[r · rowA + k · stepA] · B[k, j] for high ≤ 6 rows and wide ≤ 2 registers of columns; B is packed. Start may be C itself.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Run<T, V>(T* a, int rowA, int stepA, T* b, int depth, int high, int wide, T* start, int leadingStart, T* c, int leadingC)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        if (high == Rows && wide == 2 * V.Count) Full<T, V>(a, rowA, stepA, high, b, depth, start, leadingStart, c, leadingC);
        else Edge<T, V>(a, rowA, stepA, b, depth, high, wide, start, leadingStart, c, leadingC);
    }

    static void Edge<T, V>(T* a, int rowA, int stepA, T* b, int depth, int high, int wide, T* start, int leadingStart, T* c, int leadingC)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int width = 2 * V.Count;
        T* tile = stackalloc T[Rows * width];
        for (int r = 0; r < Rows; r++)
            for (int j = 0; j < width; j++) tile[r * width + j] = r < high && j < wide ? start[(long)r * leadingStart + j] : T.Zero;
        Full<T, V>(a, rowA, stepA, high, b, depth, tile, width, tile, width);
        for (int r = 0; r < high; r++)
            for (int j = 0; j < wide; j++) c[(long)r * leadingC + j] = tile[r * width + j];
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Full<T, V>(T* a, nint rowA, nint stepA, int high, T* b, int depth, T* start, nint leadingStart, T* c, nint leadingC)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        T* a0 = a, a1 = high > 1 ? a0 + rowA : a0, a2 = high > 2 ? a1 + rowA : a1, a3 = high > 3 ? a2 + rowA : a2, a4 = high > 4 ? a3 + rowA : a3, a5 = high > 5 ? a4 + rowA : a4;
        V c00 = V.Load(start), c01 = V.Load(start + V.Count);
        V c10 = V.Load(start + leadingStart), c11 = V.Load(start + leadingStart + V.Count);
        V c20 = V.Load(start + 2 * leadingStart), c21 = V.Load(start + 2 * leadingStart + V.Count);
        V c30 = V.Load(start + 3 * leadingStart), c31 = V.Load(start + 3 * leadingStart + V.Count);
        V c40 = V.Load(start + 4 * leadingStart), c41 = V.Load(start + 4 * leadingStart + V.Count);
        V c50 = V.Load(start + 5 * leadingStart), c51 = V.Load(start + 5 * leadingStart + V.Count);
        V b0, b1, x;
        for (nint i = 0; depth > 0; depth--, i += stepA, b += 2 * V.Count)
        {
            b0 = V.Load(b);
            b1 = V.Load(b + V.Count);
            x = V.All(a0[i]); c00 = V.MultiplyAdd(b0, x, c00); c01 = V.MultiplyAdd(b1, x, c01);
            x = V.All(a1[i]); c10 = V.MultiplyAdd(b0, x, c10); c11 = V.MultiplyAdd(b1, x, c11);
            x = V.All(a2[i]); c20 = V.MultiplyAdd(b0, x, c20); c21 = V.MultiplyAdd(b1, x, c21);
            x = V.All(a3[i]); c30 = V.MultiplyAdd(b0, x, c30); c31 = V.MultiplyAdd(b1, x, c31);
            x = V.All(a4[i]); c40 = V.MultiplyAdd(b0, x, c40); c41 = V.MultiplyAdd(b1, x, c41);
            x = V.All(a5[i]); c50 = V.MultiplyAdd(b0, x, c50); c51 = V.MultiplyAdd(b1, x, c51);
        }
        c00.Store(c); c01.Store(c + V.Count);
        c10.Store(c + leadingC); c11.Store(c + leadingC + V.Count);
        c20.Store(c + 2 * leadingC); c21.Store(c + 2 * leadingC + V.Count);
        c30.Store(c + 3 * leadingC); c31.Store(c + 3 * leadingC + V.Count);
        c40.Store(c + 4 * leadingC); c41.Store(c + 4 * leadingC + V.Count);
        c50.Store(c + 5 * leadingC); c51.Store(c + 5 * leadingC + V.Count);
    }
}
