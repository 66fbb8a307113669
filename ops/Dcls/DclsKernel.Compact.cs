namespace MiniTorch.Ops;

/// <remarks>
/// A compact tap reaches a few cells of the window, other ones in every lane: lane by lane, only those are visited. For v0 and v1 that is some thirty additions for a register
/// of taps in place of one for each cell of the window.
/// </remarks>
public sealed unsafe partial class DclsKernel<F>
{
    /// <summary>
    /// The first line of an axis that taps at p may reach; beyond the last where there is none. Rounding cannot leave a line out: it never passes a whole number. Where a width
    /// was added, one line more on each side makes up for its rounding.
    /// </summary>
    static V First<T, V>(V p, V sig, V narrowest, double centre) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        => V.Max(-V.Floor(Radius<T, V>(sig, narrowest) - (p + V.Of(centre))), V.Of(0));

    static V Radius<T, V>(V sig, V narrowest) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        => F.HasSigma ? sig + narrowest + V.Of(1) : narrowest;

    /// <summary>Most lines that a tap of these reaches: the whole numbers in an interval of twice its radius.</summary>
    static int Reached<T, V>(V sig, V narrowest, int size, int lanes) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        if (!F.HasSigma) return 3;
        T* radii = stackalloc T[V.Count];
        Radius<T, V>(sig, narrowest).Store(radii);
        T largest = radii[0];
        for (int lane = 1; lane < lanes; lane++) largest = T.Max(largest, radii[lane]);
        return largest < T.CreateChecked(size) ? int.CreateTruncating(largest + largest) + 1 : size;
    }

    /// <summary>First line of each axis, three numbers a lane; the size of the axis where no line is reached.</summary>
    static void Firsts<T, V>(in Args a, in Tap<T, V> tap, int* firsts) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        T* lines = stackalloc T[V.Count];
        for (int axis = 0; axis < 3; axis++)
        {
            V.Min(tap.Origin[axis] + V.Of(a.Centre[axis]), V.Of(a.Size[axis])).Store(lines);
            for (int lane = 0; lane < V.Count; lane++) firsts[3 * lane + axis] = int.CreateTruncating(lines[lane]);
        }
    }

    /// <summary>Adds w · f to the cells that the tap reaches.</summary>
    static void Scatter<T, V>(in Args a, in Tap<T, V> tap, V w, int lanes, T* cells) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int width = V.Count, s1 = a.Size[1], s2 = a.Size[2];
        int* firsts = stackalloc int[3 * V.Count];
        Firsts(a, tap, firsts);
        T* weights = stackalloc T[V.Count], f0 = tap.Profiles, f1 = f0 + a.Size[0] * width, f2 = f1 + s1 * width;
        w.Store(weights);
        for (int lane = 0; lane < lanes; lane++)
        {
            int* first = firsts + 3 * lane;
            int i1 = Math.Min(tap.Count[0], a.Size[0] - first[0]), j1 = Math.Min(tap.Count[1], s1 - first[1]), n1 = Math.Min(tap.Count[2], s2 - first[2]);
            T* corner = cells + ((long)(first[0] * s1 + first[1]) * s2 + first[2]) * width + lane;
            for (int i = 0; i < i1; i++)
            {
                T plane = weights[lane] * f0[i * width + lane];
                for (int j = 0; j < j1; j++)
                {
                    T line = plane * f1[j * width + lane];
                    T* cell = corner + (i * s1 + j) * s2 * width;
                    for (int n = 0; n < n1; n++) cell[n * width] += line * f2[n * width + lane];
                }
            }
        }
    }

    /// <summary>The sum and the marginals of <see cref="DifferentiateBody"/>, over the cells that the tap reaches; marginals elsewhere are 0, as f and its slopes are.</summary>
    static V Gather<T, V>(in Args a, in Tap<T, V> tap, int lanes, T* cells) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int width = V.Count, s1 = a.Size[1], s2 = a.Size[2];
        int* firsts = stackalloc int[3 * V.Count];
        Firsts(a, tap, firsts);
        T* sums = stackalloc T[V.Count], f0 = tap.Profiles, f1 = f0 + a.Size[0] * width, f2 = f1 + s1 * width;
        T* m0 = tap.Marginals, m1 = m0 + a.Size[0] * width, m2 = m1 + s1 * width;
        new Span<T>(m0, tap.Count[0] * width).Clear();
        new Span<T>(m1, tap.Count[1] * width).Clear();
        new Span<T>(m2, tap.Count[2] * width).Clear();
        V.Of(0).Store(sums);
        for (int lane = 0; lane < lanes; lane++)
        {
            int* first = firsts + 3 * lane;
            int i1 = Math.Min(tap.Count[0], a.Size[0] - first[0]), j1 = Math.Min(tap.Count[1], s1 - first[1]), n1 = Math.Min(tap.Count[2], s2 - first[2]);
            T* corner = cells + ((long)(first[0] * s1 + first[1]) * s2 + first[2]) * width + lane;
            for (int i = 0; i < i1; i++)
            {
                T outer = f0[i * width + lane], plane = T.Zero;
                for (int j = 0; j < j1; j++)
                {
                    T second = f1[j * width + lane], both = outer * second, line = T.Zero;
                    T* cell = corner + (i * s1 + j) * s2 * width;
                    for (int n = 0; n < n1; n++)
                    {
                        T g = cell[n * width];
                        line += g * f2[n * width + lane];
                        m2[n * width + lane] += g * both;
                    }
                    m1[j * width + lane] += outer * line;
                    plane += second * line;
                }
                m0[i * width + lane] = plane;
                sums[lane] += outer * plane;
            }
        }
        return V.Load(sums);
    }
}
