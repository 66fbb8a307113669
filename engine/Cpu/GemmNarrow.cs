using System.Runtime.CompilerServices;

namespace MiniTorch;

/// <summary>
/// Products with a few vectors, y[i, q] = Σₖ W[i, k] · x[q, k] with rows of W contiguous: either C has few columns and W = A, or it has few rows and W is the stored B,
/// transposed. W is read once, where it is; tiles would leave most of their lanes empty, or pack what is used once.
/// </summary>
static unsafe class GemmNarrow
{
    const int MostVectors = 8;
    const long ItemSize = 1 << 15;              // elements of W

    readonly record struct Args(GemmArgs Gemm, Pointer X, int LeadingX, long BatchX, int Block, int Blocks, GemmEpilogue Epilogue)
    {
        internal bool FewColumns { get; init; }
        internal int Rows => FewColumns ? Gemm.M : Gemm.N;
        internal int Vectors => FewColumns ? Gemm.N : Gemm.M;
    }

    internal static bool Takes<T, V>(in GemmArgs args) where T : unmanaged where V : struct, ILanes<V, T>
        => args.K >= 2 * V.Count && (FewColumns<T, V>(args) || args.TransposeB && args.M <= MostVectors);

    /// <summary>At most a quarter of a tile.</summary>
    static bool FewColumns<T, V>(in GemmArgs args) where T : unmanaged where V : struct, ILanes<V, T> => !args.TransposeA && args.N <= Math.Min(MostVectors, V.Count / 2);

    internal static void Run<T, V>(CpuDevice device, in GemmArgs args, GemmEpilogue epilogue) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        bool columns = FewColumns<T, V>(args), inPlace = columns ? args.TransposeB : !args.TransposeA;
        int k = args.K, vectors = columns ? args.N : args.M, rows = columns ? args.M : args.N, block = (int)Math.Clamp(ItemSize / k, 16, rows + 16) / 2 * 2;
        Args all = new(args, columns ? args.B : args.A, columns ? args.LeadingB : args.LeadingA, columns ? args.BatchB : args.BatchA, block, Workers.Blocks(rows, block), epilogue) { FewColumns = columns };
        if (inPlace)
        {
            device.Workers.For(args.Batch * all.Blocks, all, &Item<T, V>);
            return;
        }
        using Scratch scratch = device.Scratch((long)args.Batch * vectors * k * sizeof(T));
        T* x = scratch.As<T>(), to = x;
        for (int b = 0; b < args.Batch; b++)
            for (int q = 0; q < vectors; q++)
            {
                T* from = all.X.As<T>() + b * all.BatchX + q;
                for (int i = 0; i < k; i++, from += all.LeadingX) *to++ = *from;
            }
        device.Workers.For(args.Batch * all.Blocks, all with { X = Pointer.At(x), LeadingX = k, BatchX = (long)vectors * k }, &Item<T, V>);
    }

    static void Item<T, V>(in Args args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        GemmArgs g = args.Gemm;
        int batch = item / args.Blocks, vectors = args.Vectors;
        (int first, int end) = Workers.Range(item % args.Blocks, args.Rows, args.Block);
        (Pointer stored, long leading, long step) = args.FewColumns ? (g.A, g.LeadingA, g.BatchA) : (g.B, g.LeadingB, g.BatchB);
        T* w = stored.As<T>() + batch * step + first * leading, c = g.C.As<T>() + batch * g.BatchC, sums = stackalloc T[8];
        for (int i = first; i < end; i += 2, w += 2 * leading)
            for (int q = 0; q < vectors; q += 4)
            {
                int more = Math.Min(4, vectors - q), rows = Math.Min(2, end - i);
                T* x = args.X.As<T>() + batch * args.BatchX + (long)q * args.LeadingX;
                Dots<T, V>(w, rows > 1 ? leading : 0, x, args.LeadingX, more, g.K, sums);
                for (int r = 0; r < rows; r++)
                    for (int p = 0; p < more; p++)
                    {
                        T* to = args.FewColumns ? c + (long)(i + r) * g.LeadingC + q + p : c + (long)(q + p) * g.LeadingC + i + r;
                        T sum = sums[r * 4 + p];
                        *to = g.Accumulate ? *to + sum : g.Bias.IsNull ? sum : sum + g.Bias.As<T>()[args.FewColumns ? q + p : i + r];
                    }
            }
        args.Epilogue.Run(args.FewColumns ? new(batch, first, 0, end - first, vectors) : new(batch, 0, first, vectors, end - first));
    }

    /// <summary>sums[r · 4 + p] = w[r] · x[p] for two rows and four vectors; with fewer vectors the last one stands in for the others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Dots<T, V>(T* w, long leading, T* x, long leadingX, int vectors, int k, T* sums) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        T* w1 = w + leading, x1 = vectors > 1 ? x + leadingX : x, x2 = vectors > 2 ? x1 + leadingX : x1, x3 = vectors > 3 ? x2 + leadingX : x2;
        V s00 = V.Of(0), s01 = s00, s02 = s00, s03 = s00, s10 = s00, s11 = s00, s12 = s00, s13 = s00;
        int i = 0;
        for (; i <= k - V.Count; i += V.Count)
        {
            V a = V.Load(w + i), b = V.Load(w1 + i), v = V.Load(x + i);
            s00 = V.MultiplyAdd(a, v, s00); s10 = V.MultiplyAdd(b, v, s10);
            v = V.Load(x1 + i); s01 = V.MultiplyAdd(a, v, s01); s11 = V.MultiplyAdd(b, v, s11);
            v = V.Load(x2 + i); s02 = V.MultiplyAdd(a, v, s02); s12 = V.MultiplyAdd(b, v, s12);
            v = V.Load(x3 + i); s03 = V.MultiplyAdd(a, v, s03); s13 = V.MultiplyAdd(b, v, s13);
        }
        (sums[0], sums[1], sums[2], sums[3]) = (s00.Sum(), s01.Sum(), s02.Sum(), s03.Sum());
        (sums[4], sums[5], sums[6], sums[7]) = (s10.Sum(), s11.Sum(), s12.Sum(), s13.Sum());
        for (; i < k; i++)
        {
            sums[0] += w[i] * x[i]; sums[1] += w[i] * x1[i]; sums[2] += w[i] * x2[i]; sums[3] += w[i] * x3[i];
            sums[4] += w1[i] * x[i]; sums[5] += w1[i] * x1[i]; sums[6] += w1[i] * x2[i]; sums[7] += w1[i] * x3[i];
        }
    }
}
