namespace MiniTorch;

/// <summary>Receives gradients from ops; the one place that accumulates.</summary>
public sealed class Gradients
{
    internal static readonly Gradients Instance = new();

    Gradients() { }

    /// <summary>False for inputs nobody differentiates: skip the work.</summary>
    public bool Wants(Input x) => x.Tensor is { Tracked: true };

    /// <summary>Adds <paramref name="g"/>, of the input's own shape and type, to the gradient of <paramref name="x"/>.</summary>
    public void Add(Input x, Tensor g)
    {
        if (x.Tensor is not { Tracked: true } to) return;
        Expect.Shape(g, to.Shape);
        Expect.Alike(g, to);
        if (to.Trainable) to.AddGradient(g);
        else to.Source!.AddGradient(g);
    }
}

/// <summary>Sums of gradients: the engine's own kernel.</summary>
static unsafe partial class Accumulate
{
    readonly record struct Args(Pointer A, Pointer B, Pointer Sum, int Count) : ICost
    {
        public Cost Cost(int size) => new(0, 3.0 * size * Count, Count);
    }

    static readonly Kernel<Args> sum = Kernel<Args>.On<SumBody, SumCuda>("Accumulate");

    internal static void Into(Tensor target, Tensor g)
    {
        Pointer p = target.InPlace();
        sum.Launch(target.Device, target.DType, new(p, g, p, g.Count));
    }

    internal static Tensor Sum(Tensor a, Tensor b)
    {
        Tensor y = Tensor.Like(a);
        sum.Launch(a.Device, a.DType, new(a, b, y, a.Count));
        return y;
    }

    struct SumBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(a.Count), a, &Block<T, V>);

        static void Block<T, V>(in Args args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int i, int end) = Workers.Range(block, args.Count);
            T* a = args.A.As<T>(), b = args.B.As<T>(), s = args.Sum.As<T>();
            for (; i <= end - V.Count; i += V.Count) (V.Load(a + i) + V.Load(b + i)).Store(s + i);
            for (; i < end; i++) s[i] = a[i] + b[i];
        }
    }
}
