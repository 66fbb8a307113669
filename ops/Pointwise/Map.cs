namespace MiniTorch.Ops;

/// <summary>What <see cref="Map{M}"/> computes: a function of two broadcast operands and one that has the shape of the result.</summary>
interface IMap
{
    /// <summary>The kernel's name, as profilers and errors show it.</summary>
    static abstract string Name { get; }

    /// <summary>f(a, b, g); g is zero where none was given.</summary>
    R Of<R>(R a, R b, R g) where R : struct, IReal<R>;
}

/// <summary>y = f(a, b, g) elementwise, a and b broadcast to the shape of y: the kernel below binary ops and below the gradients of reductions. Not recorded.</summary>
static unsafe partial class Map<M> where M : unmanaged, IMap
{
    const int BlockSize = 16384;

    readonly record struct Args(Pointer A, Pointer B, Pointer G, Pointer Y, Broadcast Axes, int Rows, M Map) : ICost
    {
        public Cost Cost(int size)
        {
            double y = (double)Rows * Axes.Sizes[^1];
            return new(0, size * (Axes.Read(Axes.StepsA) + (A.Address == B.Address ? 0 : Axes.Read(Axes.StepsB)) + (G.IsNull ? y : 2 * y)), Axes.Sizes.Dims);
        }

        internal readonly Broadcast Axes = Axes;        // a field: rows refer to it instead of copying it
    }

    static readonly Kernel<Args> kernel = Kernel<Args>.On<Body, Cuda>(M.Name);

    /// <summary>A fresh tensor of the given shape; <paramref name="g"/>, if given, has it already.</summary>
    internal static Tensor Run(Tensor a, Tensor b, Tensor? g, Shape shape, M map)
    {
        Tensor y = Tensor.Like(a, shape);
        if (y.Count == 0) return y;
        Broadcast axes = new(shape, a.Shape, b.Shape);
        kernel.Launch(y.Device, y.DType, new(a, b, g, y, axes, y.Count / axes.Sizes[^1], map));
        return y;
    }

    struct Body : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int n = args.Axes.Sizes[^1];
            int items = n > BlockSize ? checked(args.Rows * Workers.Blocks(n, BlockSize)) : Workers.Blocks(args.Rows, BlockSize / n);
            device.Workers.For(items, args, &Item<T, V>);
        }

        static void Item<T, V>(in Args args, int item) where T : unmanaged where V : struct, ILanes<V, T>
        {
            int n = args.Axes.Sizes[^1];
            if (n > BlockSize)
            {
                int pieces = Workers.Blocks(n, BlockSize);
                (int from, int to) = Workers.Range(item % pieces, n, BlockSize);
                Row<T, V>(args, item / pieces, from, to);
                return;
            }
            (int row, int end) = Workers.Range(item, args.Rows, BlockSize / n);
            for (; row < end; row++) Row<T, V>(args, row, 0, n);
        }

        static void Row<T, V>(in Args args, int row, int i, int end) where T : unmanaged where V : struct, ILanes<V, T>
        {
            ref readonly Broadcast axes = ref args.Axes;
            long atA = 0, atB = 0;
            for (int d = axes.Sizes.Rank - 2, rest = row; d >= 0; d--)
            {
                (rest, int index) = Math.DivRem(rest, axes.Sizes[d]);
                atA += (long)index * axes.StepsA[d];
                atB += (long)index * axes.StepsB[d];
            }
            long atY = (long)row * axes.Sizes[^1];
            T* a = args.A.As<T>() + atA, b = args.B.As<T>() + atB, y = args.Y.As<T>() + atY, g = args.G.IsNull ? null : args.G.As<T>() + atY;
            bool readA = axes.StepsA[^1] != 0, readB = axes.StepsB[^1] != 0;
            V va = V.All(*a), vb = V.All(*b), vg = default;
            M map = args.Map;
            for (; i <= end - V.Count; i += V.Count)
            {
                if (readA) va = V.Load(a + i);
                if (readB) vb = V.Load(b + i);
                if (g != null) vg = V.Load(g + i);
                map.Of(va, vb, vg).Store(y + i);
            }
            if (i >= end) return;
            if (readA) va = Lanes.LoadPartial<V, T>(a + i, end - i);
            if (readB) vb = Lanes.LoadPartial<V, T>(b + i, end - i);
            if (g != null) vg = Lanes.LoadPartial<V, T>(g + i, end - i);
            Lanes.StorePartial(map.Of(va, vb, vg), y + i, end - i);
        }
    }
}
