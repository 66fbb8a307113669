namespace MiniTorch.Ops;

/// <summary>The same numbers in another type of reals, rounded to the nearest. Its gradient is cast back.</summary>
public sealed unsafe partial class Cast : Op
{
    readonly Input x;
    readonly DType from;

    Cast(Tensor x) : base(x) => (this.x, from) = (x, x.DType);

    /// <summary>x in the type; x itself if it is of it.</summary>
    public static Tensor Of(Tensor x, DType type)
    {
        Expect.Real(x);
        if (!type.IsReal()) throw new TensorException($"Cast: reals are cast to reals, asked for {type.Short()} of {x}");
        if (x.DType == type) return x;
        if (type == DType.BFloat16 && x.Rounded is { } copy) return copy;
        Tensor y = Run(x, type);
        return Tape.Tracks(x) ? y.From(new Cast(x)) : y;
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients) => gradients.Add(x, Run(dy, from));

    static Tensor Run(Tensor x, DType type)
    {
        Tensor y = Tensor.Empty(x.Shape, type, x.Device);
        DType computed = x.DType == DType.Float64 || type == DType.Float64 ? DType.Float64 : DType.Float32;
        kernel.Launch(x.Device, computed, new(x, y, x.DType, type, x.Count));
        return y;
    }

    readonly record struct Args(Pointer X, Pointer Y, DType From, DType To, int Count) : ICost
    {
        public Cost Cost(int size) => new(0, ((double)From.Size() + To.Size()) * Count, Count);
    }

    static readonly Kernel<Args> kernel = Kernel<Args>.OnSingle<Body, Cuda>("Cast");

    struct Body : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(args.Count), args, &Block);

        /// <summary>By way of double, which holds every number of the other types.</summary>
        static void Block(in Args args, int block)
        {
            (int i, int end) = Workers.Range(block, args.Count);
            for (; i < end; i++)
            {
                double value = args.From switch { DType.Float32 => args.X.As<float>()[i], DType.Float64 => args.X.As<double>()[i], _ => args.X.As<BFloat16>()[i] };
                if (args.To == DType.Float32) args.Y.As<float>()[i] = (float)value;
                else if (args.To == DType.Float64) args.Y.As<double>()[i] = value;
                else args.Y.As<BFloat16>()[i] = (BFloat16)value;
            }
        }
    }
}

/// <summary>x.To(type).</summary>
public static class CastExtension
{
    extension(Tensor x)
    {
        /// <summary>x in another type of reals; x itself if it is of it.</summary>
        public Tensor To(DType type) => Cast.Of(x, type);
    }
}
