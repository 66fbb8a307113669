using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <remarks>
/// A compact tap reaches a few cells of the window, other ones in every lane: lane by lane, only those are visited. For v0 and v1 that is some thirty additions for a register
/// of taps in place of one for each cell of the window.
/// </remarks>
public sealed unsafe partial class DclsKernel<F>
{
    /// <summary>
    /// The first line of an axis that taps at p may reach; beyond the last where there is none. Of unit half-width that is ⌊p + centre⌋, taken apart so that it is exact: a
    /// rounded sum could pass a whole number and lose a line. Where a width was added, one line more on each side makes up for its rounding.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V First<T, V>(V p, V sig, V narrowest, double centre) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        if (F.HasSigma) return V.Max(-V.Floor(Radius<T, V>(sig, narrowest) - (p + V.Of(centre))), V.Of(0));
        double whole = Math.Floor(centre);
        V below = V.Floor(p), next = V.Select(V.Greater(below + V.Of(1 - (centre - whole)), p), V.Of(0), V.Of(1));
        return V.Max(below + V.Of(whole) + next, V.Of(0));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Radius<T, V>(V sig, V narrowest) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        => sig + narrowest + V.Of(1);

    /// <summary>Most lines that a tap of these reaches: the whole numbers in an interval of twice its radius.</summary>
    static int Reached<T, V>(V sig, V narrowest, int size, int lanes) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        if (!F.HasSigma) return 2;
        T* radii = stackalloc T[V.Count];
        Radius<T, V>(sig, narrowest).Store(radii);
        T largest = radii[0];
        for (int lane = 1; lane < lanes; lane++) largest = T.Max(largest, radii[lane]);
        return largest < T.CreateChecked(size) ? int.CreateTruncating(largest + largest) + 1 : size;
    }

    /// <summary>Where in a register's cells the first line of each axis is, lane by lane; behind the cells if none is reached.</summary>
    static void Corners<T, V>(in Args a, in Tap<T, V> tap, int* at) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        T* lines = stackalloc T[3 * V.Count];
        for (int axis = 0; axis < 3; axis++) V.Min(tap.Origin[axis] + V.Of(a.Centre[axis]), V.Of(a.Size[axis])).Store(lines + axis * V.Count);
        for (int lane = 0; lane < V.Count; lane++, lines++)
        {
            int i = T.ConvertToIntegerNative<int>(lines[0]), j = T.ConvertToIntegerNative<int>(lines[V.Count]), n = T.ConvertToIntegerNative<int>(lines[2 * V.Count]);
            at[lane] = ((i * a.Size[1] + j) * a.Size[2] + n) * V.Count + lane;
        }
    }

    /// <summary>Cells behind the window that the lines of compact taps may run into: they take and give nothing.</summary>
    static int Margin(in Args a) => F.IsCompact ? a.Cells + (a.Size[1] + 1) * (a.Size[2] + 1) : 0;

    /// <summary>A mask of the lanes for which line n of an axis lies in the window.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Inside<T, V>(in Args a, in Tap<T, V> tap, int axis, int n) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        => V.Greater(V.Of(a.Size[axis] - a.Centre[axis]), tap.Origin[axis] + V.Of(n));

    /// <summary>Adds w · f to the cells that the tap reaches.</summary>
    static void Scatter<T, V>(in Args a, in Tap<T, V> tap, V w, T* cells) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int width = V.Count, s1 = a.Size[1], s2 = a.Size[2];
        int* at = stackalloc int[V.Count];
        Corners(a, tap, at);
        T* values = stackalloc T[V.Count], f0 = tap.Profiles, f1 = f0 + a.Size[0] * width, f2 = f1 + s1 * width;
        for (int i = 0; i < tap.Count[0]; i++)
            for (int j = 0; j < tap.Count[1]; j++)
            {
                V line = V.Load(f0 + i * width) * V.Load(f1 + j * width);
                T* cell = cells + (i * s1 + j) * s2 * width;
                for (int n = 0; n < tap.Count[2]; n++, cell += width)
                {
                    V f = line * V.Load(f2 + n * width);
                    V.Select(V.Greater(f, V.Of(0)), w * f, V.Of(0)).Store(values);
                    for (int lane = 0; lane < width; lane++) cell[at[lane]] += values[lane];
                }
            }
    }

    /// <summary>The sum and the marginals of <see cref="DifferentiateBody"/>, over the cells that the tap reaches; marginals elsewhere are 0, as f and its slopes are.</summary>
    static V Gather<T, V>(in Args a, in Tap<T, V> tap, T* cells) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int width = V.Count, s1 = a.Size[1], s2 = a.Size[2];
        int* at = stackalloc int[V.Count];
        Corners(a, tap, at);
        T* values = stackalloc T[V.Count], f0 = tap.Profiles, f1 = f0 + a.Size[0] * width, f2 = f1 + s1 * width;
        T* m0 = tap.Marginals, m1 = m0 + a.Size[0] * width, m2 = m1 + s1 * width;
        new Span<T>(m1, tap.Count[1] * width).Clear();
        new Span<T>(m2, tap.Count[2] * width).Clear();
        V sum = V.Of(0);
        for (int i = 0; i < tap.Count[0]; i++)
        {
            V outer = V.Load(f0 + i * width), plane = V.Of(0), inside0 = Inside(a, tap, 0, i);
            for (int j = 0; j < tap.Count[1]; j++)
            {
                V second = V.Load(f1 + j * width), both = outer * second, line = V.Of(0), inside1 = V.Select(inside0, Inside(a, tap, 1, j), V.Of(0));
                T* cell = cells + (i * s1 + j) * s2 * width;
                for (int n = 0; n < tap.Count[2]; n++, cell += width)
                {
                    for (int lane = 0; lane < width; lane++) values[lane] = cell[at[lane]];
                    V g = V.Select(V.Select(inside1, Inside(a, tap, 2, n), V.Of(0)), V.Load(values), V.Of(0));
                    line = V.MultiplyAdd(g, V.Load(f2 + n * width), line);
                    V.MultiplyAdd(g, both, V.Load(m2 + n * width)).Store(m2 + n * width);
                }
                V.MultiplyAdd(outer, line, V.Load(m1 + j * width)).Store(m1 + j * width);
                plane = V.MultiplyAdd(second, line, plane);
            }
            plane.Store(m0 + i * width);
            sum = V.MultiplyAdd(outer, plane, sum);
        }
        return sum;
    }
}
