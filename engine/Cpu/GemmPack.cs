using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace MiniTorch;

/// <summary>Copies of operands in the order in which the micro-kernel reads them.</summary>
static unsafe class GemmPack
{
    /// <summary>Columns [n, n + wide) and depths [k, k + depth) of op(B) as [depth, 2 registers], zero beyond wide.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Columns<T, V>(T* b, int leading, bool transposed, int k, int n, int depth, int wide, T* to)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int width = 2 * V.Count;
        if (transposed)
        {
            T* from = b + (long)n * leading + k;
            int j = 0;
            for (; j <= wide - 4; j += 4)               // four stored rows at a time: whole lines are read, four neighbours written
            {
                T* r0 = from + (long)j * leading, r1 = r0 + leading, r2 = r1 + leading, r3 = r2 + leading, t = to + j;
                int i = 0;
                if (Sse.IsSupported && typeof(T) == typeof(float))
                    for (; i <= depth - 4; i += 4, t += 4 * width) Transposes.Four((float*)(r0 + i), (float*)(r1 + i), (float*)(r2 + i), (float*)(r3 + i), (float*)t, width);
                for (; i < depth; i++, t += width) (t[0], t[1], t[2], t[3]) = (r0[i], r1[i], r2[i], r3[i]);
            }
            for (; j < width; j++)
            {
                T* row = from + (long)j * leading, t = to + j;
                for (int i = 0; i < depth; i++, t += width) *t = j < wide ? row[i] : T.Zero;
            }
            return;
        }
        T* source = b + (long)k * leading + n;
        if (wide == width)
            for (int i = 0; i < depth; i++, source += leading, to += width)
            {
                V.Load(source).Store(to);
                V.Load(source + V.Count).Store(to + V.Count);
            }
        else
            for (int i = 0; i < depth; i++, source += leading, to += width)
                for (int j = 0; j < width; j++) to[j] = j < wide ? source[j] : T.Zero;
    }

    /// <summary>
    /// A stored as [depth, rows] in groups of <see cref="GemmTile.Rows"/> rows, each [depth, rows of the group], <paramref name="group"/> elements apart and zero
    /// beyond the last row.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Rows<T>(T* a, int leading, int rows, int depth, T* to, long group) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int whole = rows / GemmTile.Rows * GemmTile.Rows;
        for (int i = 0; i < depth; i++, a += leading, to += GemmTile.Rows)
        {
            T* t = to;
            int r = 0;
            for (; r < whole; r += GemmTile.Rows, t += group) Unsafe.CopyBlockUnaligned(t, a + r, (uint)(GemmTile.Rows * sizeof(T)));
            if (r < rows)
                for (int q = 0; q < GemmTile.Rows; q++) t[q] = r + q < rows ? a[r + q] : T.Zero;
        }
    }

    /// <summary>The last rows of a row-major A, too few for a tile, as a group of their own.</summary>
    internal static void LastRows<T>(T* a, int leading, int rows, int depth, T* to) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int r = 0; r < GemmTile.Rows; r++, a += leading)
            for (int i = 0; i < depth; i++) to[i * GemmTile.Rows + r] = r < rows ? a[i] : T.Zero;
    }
}
