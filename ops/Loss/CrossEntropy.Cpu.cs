namespace MiniTorch.Ops;

public sealed unsafe partial class CrossEntropy
{
    const int BlockSize = 8192;         // elements of an item

    static int RowsOf(in Args args) => Math.Max(1, BlockSize / args.With.Classes);

    struct ForwardBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(args.With.Rows, RowsOf(args)), args, &Rows<T, V>);

        /// <summary>Everything is computed from x − m, m the row's largest logit, so that large logits cost no digits.</summary>
        static void Rows<T, V>(in Args args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int n = args.With.Classes;
            T keep = T.CreateChecked(1 - args.With.Smoothing), spread = T.CreateChecked(args.With.Smoothing / n);
            (int r, int end) = Workers.Range(item, args.With.Rows, RowsOf(args));
            for (; r < end; r++)
            {
                T* x = args.X.As<T>() + (long)r * n;
                T largest = Rows<T>.Largest<V>(x, n);
                V m = V.All(largest), exponentials = V.Of(0), shifted = V.Of(0);
                int i = 0;
                for (; i <= n - V.Count; i += V.Count)
                {
                    V s = V.Load(x + i) - m;
                    exponentials += V.Exp(s);
                    shifted += s;
                }
                if (i < n)
                {
                    exponentials += V.Exp(Lanes.LoadPartial<V, T>(x + i, n - i, T.NegativeInfinity) - m);
                    shifted += Lanes.LoadPartial<V, T>(x + i, n - i, largest) - m;
                }
                T log = T.Log(exponentials.Sum()), loss;
                if (args.With.Indices) loss = log - keep * (x[args.T.As<int>()[r]] - largest);
                else
                {
                    T* t = args.T.As<T>() + (long)r * n;
                    V mass = V.Of(0), dot = V.Of(0);
                    for (i = 0; i <= n - V.Count; i += V.Count)
                    {
                        V target = V.Load(t + i);
                        mass += target;
                        dot = V.MultiplyAdd(target, V.Load(x + i) - m, dot);
                    }
                    if (i < n)
                    {
                        V target = Lanes.LoadPartial<V, T>(t + i, n - i);
                        mass += target;
                        dot = V.MultiplyAdd(target, Lanes.LoadPartial<V, T>(x + i, n - i, largest) - m, dot);
                    }
                    loss = (keep * mass.Sum() + T.CreateChecked(args.With.Smoothing)) * log - keep * dot.Sum();
                }
                if (args.With.Smoothing != 0) loss -= spread * shifted.Sum();
                (args.Normalizer.As<T>()[2 * r], args.Normalizer.As<T>()[2 * r + 1]) = (largest, log);
                args.Y.As<T>()[r] = loss;
            }
        }
    }

    struct BackwardBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(args.With.Rows, RowsOf(args)), args, &Rows<T, V>);

        static void Rows<T, V>(in Args args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int n = args.With.Classes;
            T keep = T.CreateChecked(1 - args.With.Smoothing);
            V spread = V.Of(args.With.Smoothing / n);
            (int r, int end) = Workers.Range(item, args.With.Rows, RowsOf(args));
            for (; r < end; r++)
            {
                T* x = args.X.As<T>() + (long)r * n, dx = args.Y.As<T>() + (long)r * n, t = args.With.Indices ? null : args.T.As<T>() + (long)r * n;
                T slope = args.Dy.As<T>()[r * args.With.DyStep] * T.CreateChecked(args.With.Slope);
                V g = V.All(slope), m = V.All(args.Normalizer.As<T>()[2 * r]), log = V.All(args.Normalizer.As<T>()[2 * r + 1]), mass = V.Of(1), share = V.All(keep);
                if (t != null) mass = V.All(keep * Total<T, V>(t, n) + T.CreateChecked(args.With.Smoothing));
                int i = 0;
                for (; i <= n - V.Count; i += V.Count)
                {
                    V target = t == null ? spread : V.MultiplyAdd(V.Load(t + i), share, spread);
                    (g * (V.Exp(V.Load(x + i) - m - log) * mass - target)).Store(dx + i);
                }
                if (i < n)
                {
                    V target = t == null ? spread : V.MultiplyAdd(Lanes.LoadPartial<V, T>(t + i, n - i), share, spread);
                    Lanes.StorePartial(g * (V.Exp(Lanes.LoadPartial<V, T>(x + i, n - i) - m - log) * mass - target), dx + i, n - i);
                }
                if (t == null) dx[args.T.As<int>()[r]] -= slope * keep;
            }
        }

        static T Total<T, V>(T* t, int n) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            V sum = V.Of(0);
            int i = 0;
            for (; i <= n - V.Count; i += V.Count) sum += V.Load(t + i);
            if (i < n) sum += Lanes.LoadPartial<V, T>(t + i, n - i);
            return sum.Sum();
        }
    }
}
