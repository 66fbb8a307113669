using System.Runtime.CompilerServices;

namespace MiniTorch;

/// <summary>Products with a vector: y[i] = Σₖ W[i, k] · x[k], where either C is a column and W = op(A), or C is a row and W = op(B)ᵀ.</summary>
static unsafe class Gemv
{
    const long ItemSize = 1 << 15;              // elements of W

    readonly record struct Args(GemmArgs Gemm, Pointer X, int Rows, int Block, int Blocks, GemmEpilogue Epilogue);

    internal static void Run<T, V>(CpuDevice device, in GemmArgs args, GemmEpilogue epilogue) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        bool column = args.N == 1;
        int rows = column ? args.M : args.N, k = args.K;
        int block = (int)Math.Clamp(ItemSize / Math.Max(1, k), 4 * V.Count, rows + 4 * V.Count);
        block = block / (4 * V.Count) * (4 * V.Count);
        int blocks = Workers.Blocks(rows, block);
        int stride = column ? args.TransposeB ? 1 : args.LeadingB : args.TransposeA ? args.LeadingA : 1;
        if (stride == 1)
        {
            device.Workers.For(args.Batch * blocks, new Args(args, column ? args.B : args.A, rows, block, blocks, epilogue), &Item<T, V>);
            return;
        }
        using Scratch scratch = device.Scratch((long)args.Batch * k * sizeof(T));
        T* x = scratch.As<T>();
        for (int b = 0; b < args.Batch; b++)
        {
            T* from = column ? args.B.As<T>() + b * args.BatchB : args.A.As<T>() + b * args.BatchA;
            for (int i = 0; i < k; i++) x[(long)b * k + i] = from[(long)i * stride];
        }
        GemmArgs dense = column ? args with { BatchB = k } : args with { BatchA = k };
        device.Workers.For(args.Batch * blocks, new Args(dense, Pointer.At(x), rows, block, blocks, epilogue), &Item<T, V>);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Item<T, V>(in Args args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        GemmArgs g = args.Gemm;
        int batch = item / args.Blocks, i0 = item % args.Blocks * args.Block, i1 = Math.Min(args.Rows, i0 + args.Block), k = g.K;
        bool column = g.N == 1;
        T* x = args.X.As<T>() + batch * (column ? g.BatchB : g.BatchA), y = g.C.As<T>() + batch * g.BatchC;
        T* w = column ? g.A.As<T>() + batch * g.BatchA : g.B.As<T>() + batch * g.BatchB;
        long leading = column ? g.LeadingA : g.LeadingB, stepY = column ? g.LeadingC : 1;
        bool byRows = column ? !g.TransposeA : g.TransposeB;                // each row of W contiguous
        T* sums = stackalloc T[4 * V.Count];
        for (int i = i0; i < i1; i += 4 * V.Count)
        {
            int n = Math.Min(4 * V.Count, i1 - i);
            if (byRows)
                for (int q = 0; q < n; q++) sums[q] = Dot<T, V>(w + (i + q) * leading, x, k);
            else Combine<T, V>(w + i, leading, x, k, n, sums);
            for (int q = 0; q < n; q++)
            {
                T* to = y + (i + q) * stepY;
                if (g.Accumulate) *to += sums[q];
                else *to = g.Bias.IsNull ? sums[q] : sums[q] + g.Bias.As<T>()[column ? 0 : i + q];
            }
        }
        args.Epilogue.Run(column ? new(batch, i0, 0, i1 - i0, 1) : new(batch, 0, i0, 1, i1 - i0));
    }

    static T Dot<T, V>(T* a, T* b, int k) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        V s0 = V.Of(0), s1 = s0, s2 = s0, s3 = s0;
        int i = 0;
        for (; i <= k - 4 * V.Count; i += 4 * V.Count)
        {
            s0 = V.MultiplyAdd(V.Load(a + i), V.Load(b + i), s0);
            s1 = V.MultiplyAdd(V.Load(a + i + V.Count), V.Load(b + i + V.Count), s1);
            s2 = V.MultiplyAdd(V.Load(a + i + 2 * V.Count), V.Load(b + i + 2 * V.Count), s2);
            s3 = V.MultiplyAdd(V.Load(a + i + 3 * V.Count), V.Load(b + i + 3 * V.Count), s3);
        }
        T sum = (s0 + s1 + (s2 + s3)).Sum();
        for (; i < k; i++) sum += a[i] * b[i];
        return sum;
    }

    /// <summary>sums[q] = Σₖ x[k] · w[k · leading + q] for q &lt; n ≤ 4 registers.</summary>
    static void Combine<T, V>(T* w, long leading, T* x, int k, int n, T* sums) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        if (n < 4 * V.Count)
        {
            for (int q = 0; q < n; q++) sums[q] = T.Zero;
            for (int i = 0; i < k; i++, w += leading)
                for (int q = 0; q < n; q++) sums[q] += x[i] * w[q];
            return;
        }
        V s0 = V.Of(0), s1 = s0, s2 = s0, s3 = s0;
        for (int i = 0; i < k; i++, w += leading)
        {
            V f = V.All(x[i]);
            s0 = V.MultiplyAdd(f, V.Load(w), s0);
            s1 = V.MultiplyAdd(f, V.Load(w + V.Count), s1);
            s2 = V.MultiplyAdd(f, V.Load(w + 2 * V.Count), s2);
            s3 = V.MultiplyAdd(f, V.Load(w + 3 * V.Count), s3);
        }
        s0.Store(sums);
        s1.Store(sums + V.Count);
        s2.Store(sums + 2 * V.Count);
        s3.Store(sums + 3 * V.Count);
    }
}
