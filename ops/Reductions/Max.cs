namespace MiniTorch.Ops;

/// <summary>y = the largest x along one dimension. Its gradient goes to one element, the first that equals it. Saves the indices, as integers.</summary>
public sealed unsafe partial class Max : Op
{
    const int BlockSize = 16384;

    readonly Input x;
    readonly Saved indices;
    readonly int inner, dim;

    Max(Tensor x, Tensor indices, int inner, int dim) : base(x) => (this.x, this.indices, this.inner, this.dim) = (x, Save(indices), inner, dim);

    /// <summary>Largest element along a dimension; a NaN is larger than anything.</summary>
    public static Tensor Of(Tensor x, int dim, bool keepDim = false)
    {
        (Tensor y, Tensor indices, int inner) = Find(x, dim, keepDim);
        return Tape.Tracks(x) ? y.From(new Max(x, indices, inner, x.Shape.Dim(dim))) : y;
    }

    /// <summary>i32 index of the first largest element along a dimension; without gradient.</summary>
    public static Tensor Argmax(Tensor x, int dim, bool keepDim = false) => Find(x, dim, keepDim).Indices;

    static (Tensor Values, Tensor Indices, int Inner) Find(Tensor x, int dim, bool keepDim)
    {
        Expect.Real(x);
        dim = x.Shape.Dim(dim);
        int n = x.Shape[dim], inner = x.Shape.Product(dim + 1, x.Shape.Rank);
        Expect.That(n > 0, "nothing has no largest element; the dimension must not be empty", x);
        Shape shape = Axes.Result(x.Shape, 1 << dim, keepDim);
        Tensor y = Tensor.Like(x, shape), indices = Tensor.Empty(shape, DType.Int32, x.Device);
        find.Launch(x.Device, x.DType, new(x, y, indices, y.Count, n, inner));
        return (y, indices, inner);
    }

    /// <inheritdoc/>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y)
    {
        string most = graph.Node("ReduceMax", [graph.Name(operands[0]!)], new OnnxAttribute("axes", Wholes: [dim]), new OnnxAttribute("keepdims", 1));
        return graph.Node("Reshape", [most, graph.Wholes(y.Shape.Dims)]);
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor dx = Tensor.Zeros(x.Shape, dy.DType, dy.Device);
        scatter.Launch(dy.Device, dy.DType, new(dx, dy, indices, dy.Count, dy.Count == 0 ? 1 : dx.Count / dy.Count, inner));
        gradients.Add(x, dx);
    }

    /// <summary>X [outer, N, Inner], Y and Indices [outer, Inner] of Outputs elements.</summary>
    readonly record struct Args(Pointer X, Pointer Y, Pointer Indices, int Outputs, int N, int Inner) : ICost
    {
        public Cost Cost(int size) => new(0, (double)Outputs * (size * (N + 1.0) + sizeof(int)), Outputs, N);

        internal int Block => Math.Max(1, BlockSize / N);
        internal long Start(int output) => (long)(output / Inner) * N * Inner + output % Inner;
    }

    static readonly Kernel<Args> find = Kernel<Args>.On<FindBody, FindCuda>("Max.forward"), scatter = Kernel<Args>.On<ScatterBody, ScatterCuda>("Max.backward");

    struct FindBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(args.Outputs, args.Block), args, &Block<T>);

        static void Block<T>(in Args args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            (int o, int end) = Workers.Range(block, args.Outputs, args.Block);
            for (; o < end; o++)
            {
                T* x = args.X.As<T>() + args.Start(o);
                T best = *x;
                int at = 0;
                for (int i = 1; i < args.N && !T.IsNaN(best); i++)
                {
                    T value = x[(long)i * args.Inner];
                    if (!(value <= best)) (best, at) = (value, i);
                }
                args.Y.As<T>()[o] = best;
                args.Indices.As<int>()[o] = at;
            }
        }
    }

    struct ScatterBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(args.Outputs, args.Block), args, &Block<T>);

        static void Block<T>(in Args args, int block) where T : unmanaged
        {
            (int o, int end) = Workers.Range(block, args.Outputs, args.Block);
            for (; o < end; o++) args.X.As<T>()[args.Start(o) + (long)args.Indices.As<int>()[o] * args.Inner] = args.Y.As<T>()[o];
        }
    }
}

/// <summary>x.Max(dim) and x.Argmax(dim).</summary>
public static class MaxExtension
{
    extension(Tensor x)
    {
        /// <summary>Largest element along a dimension; the gradient goes to the first one that equals it.</summary>
        public Tensor Max(int dim, bool keepDim = false) => Ops.Max.Of(x, dim, keepDim);

        /// <summary>i32 index of the first largest element along a dimension; without gradient.</summary>
        public Tensor Argmax(int dim, bool keepDim = false) => Ops.Max.Argmax(x, dim, keepDim);
    }
}
