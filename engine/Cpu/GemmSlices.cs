using System.Runtime.CompilerServices;

namespace MiniTorch;

/// <summary>Products whose sums over K are cut into slices, each summed apart and then added in order.</summary>
static unsafe class GemmSlices
{
    const int BlockRows = 16;                   // of sums that go to columns of C: whole lines of it

    internal static void Run<T, V>(CpuDevice device, GemmPlan plan) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        GemmArgs args = plan.Args;
        using Scratch partial = device.Scratch((long)plan.Slices * args.Batch * args.M * args.N * sizeof(T));
        plan = plan with { Partial = Pointer.At(partial.As<T>()) };
        device.Workers.For(plan.Items, plan, &Gemm.Item<T, V>);
        if (plan.Swapped) device.Workers.For(args.Batch * Workers.Blocks(args.M, BlockRows), plan, &AddColumns<T, V>);
        else device.Workers.For(args.Batch * args.M, plan, &AddRow<T, V>);
    }

    /// <summary>A row of C from the slices of its sums.</summary>
    static void AddRow<T, V>(in GemmPlan plan, int row) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        GemmArgs args = plan.Args;
        T* c = args.C.As<T>() + row / args.M * args.BatchC + (long)(row % args.M) * args.LeadingC;
        Sum<T, V>(plan, row, args.Accumulate ? c : args.Bias.IsNull ? null : args.Bias.As<T>(), c);
        plan.Epilogue.Run(new(row / args.M, row % args.M, 0, 1, args.N));
    }

    /// <summary>Some columns of C from the slices of its transpose.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void AddColumns<T, V>(in GemmPlan plan, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        GemmArgs args = plan.Args;
        int blocks = Workers.Blocks(args.M, BlockRows), batch = item / blocks, n = args.N;
        (int j0, int j1) = Workers.Range(item % blocks, args.M, BlockRows);
        T* sums = plan.Partial.As<T>() + ((long)batch * args.M + j0) * n, c = args.C.As<T>() + batch * args.BatchC + j0;
        for (int j = j0; j < j1; j++) Sum<T, V>(plan, batch * args.M + j, null, sums + (long)(j - j0) * n);
        for (int i = 0; i < n; i++, c += args.LeadingC)
            for (int j = 0; j < j1 - j0; j++)
            {
                T sum = sums[(long)j * n + i];
                c[j] = args.Accumulate ? c[j] + sum : args.Bias.IsNull ? sum : args.Bias.As<T>()[j0 + j] + sum;
            }
        plan.Epilogue.Run(new(batch, 0, j0, n, j1 - j0));
    }

    /// <summary>to = start + Σ of the slices of a row; it may be the first of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Sum<T, V>(in GemmPlan plan, int row, T* start, T* to) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int n = plan.Args.N;
        long step = (long)plan.Args.Batch * plan.Args.M * n;
        T* partial = plan.Partial.As<T>() + (long)row * n;
        int j = 0;
        for (; j <= n - V.Count; j += V.Count)
        {
            V sum = start == null ? V.Of(0) : V.Load(start + j);
            for (int s = 0; s < plan.Slices; s++) sum += V.Load(partial + s * step + j);
            sum.Store(to + j);
        }
        for (; j < n; j++)
        {
            T sum = start == null ? T.Zero : start[j];
            for (int s = 0; s < plan.Slices; s++) sum += partial[s * step + j];
            to[j] = sum;
        }
    }
}
