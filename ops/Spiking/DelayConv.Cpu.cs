namespace MiniTorch.Ops;

public sealed unsafe partial class DelayConv
{
    const double ForwardEvents = 0.3, GradientEvents = 0.5;     // of x; with more the dense form is faster. Measured
    const int Rows = 384;                                       // of y in one item
    const int Columns = 64;                                     // inputs of the kernel's gradient in one item

    struct ForwardBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            using DelayEvents.Counts counts = DelayEvents.Count<T>(device, args);
            if (counts.Fraction < ForwardEvents) DelayEvents.Forward<T, V>(device, args, counts);
            else device.Workers.For(Workers.Blocks((long)args.Steps * args.Batch, Rows), args, &Block<T, V>);
        }

        /// <summary>Rows of y, a step and sequence each. Those that a delay brings from x are neighbours there too.</summary>
        static void Block<T, V>(in Args args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int inputs, int outputs, int all) = (args.Inputs, args.Outputs, args.Time * args.Batch);
            (int begin, int end) = Workers.Range(item, args.Steps * args.Batch, Rows);
            T* y = args.Y.As<T>() + (long)begin * outputs, bias = args.Bias.As<T>();
            if (bias == null) new Span<T>(y, (end - begin) * outputs).Clear();
            else
                for (int row = 0; row < end - begin; row++) new Span<T>(bias, outputs).CopyTo(new(y + (long)row * outputs, outputs));
            T* work = Workers.Local<T>(Gemm.Work<T, V>());
            for (int d = 0; d < args.Delays; d++)
            {
                int shift = d * args.Batch, from = Math.Max(begin, shift), to = (int)Math.Min(end, (long)shift + all);
                if (from >= to) continue;
                Gemm.Serial<T, V>(new(Pointer.At(args.X.As<T>() + (long)(from - shift) * inputs), Cell<T>(args, d), Pointer.At(y + (long)(from - begin) * outputs), to - from, outputs, inputs)
                {
                    Accumulate = true,
                }, work);
            }
        }
    }

    struct InputGradientBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks((long)args.Time * args.Batch, Rows), args, &Block<T, V>);

        static void Block<T, V>(in Args args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int inputs, int outputs, int all) = (args.Inputs, args.Outputs, args.Steps * args.Batch);
            (int begin, int end) = Workers.Range(item, args.Time * args.Batch, Rows);
            T* dx = args.X.As<T>() + (long)begin * inputs;
            new Span<T>(dx, (end - begin) * inputs).Clear();
            T* work = Workers.Local<T>(Gemm.Work<T, V>());
            for (int d = 0; d < args.Delays; d++)
            {
                int shift = d * args.Batch, to = Math.Min(end, all - shift);
                if (begin >= to) break;
                Gemm.Serial<T, V>(new(Pointer.At(args.Y.As<T>() + (long)(begin + shift) * outputs), Cell<T>(args, d), Pointer.At(dx), to - begin, inputs, outputs, TransposeB: true)
                {
                    Accumulate = true,
                }, work);
            }
        }
    }

    struct KernelGradientBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            using DelayEvents.Counts counts = DelayEvents.Count<T>(device, args);
            if (counts.Fraction < GradientEvents) DelayEvents.KernelGradient<T, V>(device, args, counts);
            else device.Workers.For(args.Delays * Workers.Blocks(args.Inputs, Columns), args, &Block<T, V>);
        }

        /// <summary>Some inputs of one delay.</summary>
        static void Block<T, V>(in Args args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int blocks = Workers.Blocks(args.Inputs, Columns), d = item / blocks, shift = d * args.Batch, rows = Math.Clamp(args.Steps * args.Batch - shift, 0, args.Time * args.Batch);
            (int begin, int end) = Workers.Range(item % blocks, args.Inputs, Columns);
            T* dk = Cell<T>(args, d).As<T>() + (long)begin * args.Outputs;
            if (rows == 0) new Span<T>(dk, (end - begin) * args.Outputs).Clear();
            else
                Gemm.Serial<T, V>(new(Pointer.At(args.X.As<T>() + begin), Pointer.At(args.Y.As<T>() + (long)shift * args.Outputs), Pointer.At(dk), end - begin, args.Outputs, rows, TransposeA: true)
                {
                    LeadingA = args.Inputs,
                }, Workers.Local<T>(Gemm.Work<T, V>()));
        }
    }

    /// <summary>The weights of a delay, [in, out].</summary>
    internal static Pointer Cell<T>(in Args args, int delay) where T : unmanaged => Pointer.At(args.Kernel.As<T>() + (long)(args.Delays - 1 - delay) * args.Inputs * args.Outputs);
}
