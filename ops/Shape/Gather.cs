namespace MiniTorch.Ops;

/// <summary>y[…, j, …] = x[…, index[…, j, …], …]: one index per output element, along one dimension. Repeated indices accumulate in the gradient.</summary>
public sealed unsafe partial class Gather : Op
{
    readonly Input x;
    readonly Saved index;
    readonly int dim;

    Gather(Tensor x, Tensor index, int dim) : base(x) => (this.x, this.index, this.dim) = (x, Save(index), dim);

    /// <summary>The i32 index has the rank of x and, off the dimension, sizes not above those of x; the result has its shape.</summary>
    public static Tensor Of(Tensor x, int dim, Tensor index)
    {
        dim = x.Shape.Dim(dim);
        bool fits = index.Shape.Rank == x.Shape.Rank;
        for (int d = 0; fits && d < x.Shape.Rank; d++) fits = d == dim || index.Shape[d] <= x.Shape[d];
        Expect.That(fits, $"index must have the rank of {x} and, but for dimension {dim}, sizes not above its", index);
        IndexSelect.CheckIndices(index, x.Shape[dim], "Gather");
        Tensor y = Tensor.Like(x, index.Shape);
        gather.Launch(x.Device, x.DType.Carrier(), Arguments(x, index, y, x.Shape, index.Shape, dim));
        return Tape.Tracks(x) ? y.From(new Gather(x, index, dim)) : y;
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor dx = Tensor.Zeros(x.Shape, dy.DType, dy.Device);
        scatter.Launch(dy.Device, dy.DType, Arguments(dx, index.Value, dy, x.Shape, dy.Shape, dim));
        gradients.Add(x, dx);
    }

    readonly record struct Args(Pointer X, Pointer Index, Pointer Y, Dims Strides, Dims Sizes, int Rank, int Dim, int Size, int Count, int Elements) : ICost
    {
        public Cost Cost(int size) => new(0, (2.0 * size + sizeof(int)) * Count, Count);
    }

    [System.Runtime.CompilerServices.InlineArray(Shape.MaxRank)] struct Dims { int first; }

    static Args Arguments(Tensor x, Tensor index, Tensor y, Shape from, Shape to, int dim)
    {
        Dims strides = default, sizes = default;
        StridedCopy.Strides(from, strides);
        to.Dims.CopyTo(sizes);
        return new(x, index, y, strides, sizes, to.Rank, dim, from[dim], y.Count, x.Count);
    }

    static readonly Kernel<Args> gather = Kernel<Args>.On<GatherBody, GatherCuda>("Gather.gather");
    static readonly Kernel<Args> scatter = Kernel<Args>.On<ScatterBody, ScatterCuda>("Gather.scatter");

    static long Position(in Args a, int element)
    {
        long at = 0;
        for (int d = a.Rank - 1, rest = element; d >= 0; rest /= a.Sizes[d--])
            at += (d == a.Dim ? a.Index.As<int>()[element] : rest % a.Sizes[d]) * (long)a.Strides[d];
        return at;
    }

    struct GatherBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(a.Count), a, &Block<T>);

        static void Block<T>(in Args a, int block) where T : unmanaged
        {
            (int begin, int end) = Workers.Range(block, a.Count);
            for (int i = begin; i < end; i++) a.Y.As<T>()[i] = a.X.As<T>()[Position(a, i)];
        }
    }

    struct ScatterBody : ICpuKernel<Args>
    {
        /// <summary>In order, on one thread: any two elements may meet.</summary>
        public static void Run<T, V>(CpuDevice device, in Args a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            for (int i = 0; i < a.Count; i++) a.X.As<T>()[Position(a, i)] += a.Y.As<T>()[i];
        }
    }
}

/// <summary>x.Gather(…).</summary>
public static class GatherExtension
{
    extension(Tensor x)
    {
        /// <summary>One element of x per index, along a dimension.</summary>
        public Tensor Gather(int dim, Tensor index) => Ops.Gather.Of(x, dim, index);
    }
}
