namespace MiniTorch.Ops;

/// <summary>y[o, j, i] = x[o, index[j], i] along one dimension; repeated indices accumulate in the gradient. An embedding is this on dimension 0.</summary>
public sealed unsafe partial class IndexSelect : Op
{
    const int Columns = 64;

    readonly Input x;
    readonly Saved index;
    readonly int dim;

    IndexSelect(Tensor x, Tensor index, int dim) : base(x) => (this.x, this.index, this.dim) = (x, Save(index), dim);

    /// <summary>The slices of x along a dimension that the i32 vector names, in its order.</summary>
    public static Tensor Of(Tensor x, int dim, Tensor index)
    {
        dim = x.Shape.Dim(dim);
        Expect.Rank(index, 1, "[count]");
        CheckIndices(index, x.Shape[dim], "IndexSelect");
        Tensor y = Tensor.Like(x, x.Shape.With(dim, index.Count));
        select.Launch(x.Device, x.DType.Carrier(), Arguments(x, index, y, x.Shape, dim));
        return Tape.Tracks(x) ? y.From(new IndexSelect(x, index, dim)) : y;
    }

    /// <summary>Every index must name an element of a dimension of the given size. On a GPU, where the host does not read them, another one is an error of the kernel.</summary>
    internal static void CheckIndices(Tensor index, int size, string op)
    {
        if (index.DType != DType.Int32) throw new TensorException($"{op}: indices must be i32, got {index}");
        if (index.Device is not CpuDevice) return;
        foreach (int i in index.ToArray<int>())
            if ((uint)i >= (uint)size) throw new TensorException($"{op}: index {i} lies outside [0, {size}) ({index})");
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor dx = Tensor.Zeros(x.Shape, dy.DType, dy.Device);
        accumulate.Launch(dy.Device, dy.DType, Arguments(dx, index.Value, dy, x.Shape, dim));
        gradients.Add(x, dx);
    }

    static Args Arguments(Tensor x, Tensor index, Tensor y, Shape shape, int dim)
        => new(x, index, y, shape.Product(0, dim), shape[dim], index.Count, shape.Product(dim + 1, shape.Rank));

    readonly record struct Args(Pointer X, Pointer Index, Pointer Y, int Outer, int Size, int Selected, int Inner) : ICost
    {
        public Cost Cost(int size) => new(0, 2.0 * size * Outer * Selected * Inner, Outer, Selected, Inner);
    }

    static readonly Kernel<Args> select = Kernel<Args>.On<SelectBody, SelectCuda>("IndexSelect.select");
    static readonly Kernel<Args> accumulate = Kernel<Args>.On<AccumulateBody, AccumulateCuda>("IndexSelect.accumulate");

    struct SelectBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(a.Outer, a, &Item<T>);

        static void Item<T>(in Args a, int o) where T : unmanaged
        {
            int* index = a.Index.As<int>();
            T* x = a.X.As<T>() + (long)o * a.Size * a.Inner, y = a.Y.As<T>() + (long)o * a.Selected * a.Inner;
            for (int j = 0; j < a.Selected; j++)
                new ReadOnlySpan<T>(x + (long)index[j] * a.Inner, a.Inner).CopyTo(new Span<T>(y + (long)j * a.Inner, a.Inner));
        }
    }

    struct AccumulateBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(a.Outer * Workers.Blocks(a.Inner, Columns), a, &Item<T>);

        static void Item<T>(in Args a, int item) where T : unmanaged, INumber<T>
        {
            int blocks = Workers.Blocks(a.Inner, Columns), o = item / blocks;
            (int begin, int end) = Workers.Range(item % blocks, a.Inner, Columns);
            int* index = a.Index.As<int>();
            T* dx = a.X.As<T>() + (long)o * a.Size * a.Inner, dy = a.Y.As<T>() + (long)o * a.Selected * a.Inner;
            for (int j = 0; j < a.Selected; j++)
            {
                T* to = dx + (long)index[j] * a.Inner, from = dy + (long)j * a.Inner;
                for (int i = begin; i < end; i++) to[i] += from[i];
            }
        }
    }
}

/// <summary>x.IndexSelect(…), indices.Embed(…).</summary>
public static class IndexSelectExtension
{
    extension(Tensor x)
    {
        /// <summary>The slices of x along a dimension that the i32 vector names.</summary>
        public Tensor IndexSelect(int dim, Tensor index) => Ops.IndexSelect.Of(x, dim, index);

        /// <summary>Embedding: for i32 indices of any shape, the rows of <paramref name="table"/> [count, width] that they name: [*shape, width].</summary>
        public Tensor Embed(Tensor table)
        {
            Expect.Rank(table, 2, "[count, width]");
            return Ops.IndexSelect.Of(table, 0, x.Reshape(x.Count)).Reshape([.. x.Shape.Dims, table.Shape[1]]);
        }
    }
}
