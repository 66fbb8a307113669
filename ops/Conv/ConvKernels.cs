namespace MiniTorch.Ops;

/// <summary>Operands of a dense convolution or of one of its gradients; whichever is sought is written, and y or x starts from the bias of its channels.</summary>
readonly record struct ConvArgs(Pointer X, Pointer Weight, Pointer Y, Pointer Bias, Windows Windows, int Outputs, int Groups) : ICost
{
    public Cost Cost(int size) => Windows.Cost(Outputs, Groups, size);

    internal int GroupInputs => Windows.Channels / Groups;
    internal int GroupOutputs => Outputs / Groups;
    internal int PatchSize => Windows.Taps * GroupInputs;

    /// <summary>True where the rows of x already are the patches.</summary>
    internal bool IsPointwise => Groups == 1 && Windows.D.IsPoint && Windows.H.IsPoint && Windows.W.IsPoint;
}

/// <summary>
/// Dense convolution as products with patches: a patch is what one output sees, [*kernel, channels of the group]. Patches are gathered for a block of outputs at
/// a time into scratch that stays in the L2 cache; the matrix of all patches never exists.
/// </summary>
static unsafe class ConvKernels
{
    const int BlockElements = 1 << 16;          // of patches at a time

    internal static readonly Kernel<ConvArgs> Forward = Kernel<ConvArgs>.On<ForwardBody>("Conv.forward");
    internal static readonly Kernel<ConvArgs> InputGradient = Kernel<ConvArgs>.On<InputGradientBody>("Conv.inputGradient");
    internal static readonly Kernel<ConvArgs> WeightGradient = Kernel<ConvArgs>.On<WeightGradientBody>("Conv.weightGradient");

    /// <summary>Outputs of a block: enough for the product to be efficient, few enough for the patches to stay in cache.</summary>
    static int BlockRows(int patch) => Math.Clamp(BlockElements / Math.Max(1, patch), 48, 1536);

    struct ForwardBody : ICpuKernel<ConvArgs>
    {
        public static void Run<T, V>(CpuDevice device, in ConvArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int rows = args.Windows.Batch * args.Windows.Outputs;
            if (args.IsPointwise) Gemm.Run<T, V>(device, new(args.X, args.Weight, args.Y, rows, args.Outputs, args.Windows.Channels) { Bias = args.Bias });
            else device.Workers.For(args.Groups * Workers.Blocks(rows, BlockRows(args.PatchSize)), args, &Block<T, V>);
        }

        static void Block<T, V>(in ConvArgs args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int all = args.Windows.Batch * args.Windows.Outputs, size = BlockRows(args.PatchSize), patch = args.PatchSize, outputs = args.GroupOutputs;
            int group = item % args.Groups;
            (int begin, int end) = Workers.Range(item / args.Groups, all, size);
            T* patches = Workers.Local<T>((long)size * patch + Gemm.Work<T, V>());
            Patches.Gather<T, V>(args.Windows, args.X.As<T>() + group * args.GroupInputs, args.GroupInputs, begin, end, 0, args.Windows.Taps, patches);
            Gemm.Serial<T, V>(new(Pointer.At(patches), Pointer.At(args.Weight.As<T>() + group * outputs), Pointer.At(args.Y.As<T>() + (long)begin * args.Outputs + group * outputs),
                end - begin, outputs, patch)
            {
                LeadingB = args.Outputs, LeadingC = args.Outputs, Bias = args.Bias.IsNull ? default : Pointer.At(args.Bias.As<T>() + group * outputs),
            }, patches + (long)size * patch);
        }
    }

    struct InputGradientBody : ICpuKernel<ConvArgs>
    {
        public static void Run<T, V>(CpuDevice device, in ConvArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int rows = args.Windows.Batch * args.Windows.Outputs;
            if (args.IsPointwise) Gemm.Run<T, V>(device, new(args.Y, args.Weight, args.X, rows, args.Windows.Channels, args.Outputs, TransposeB: true) { Bias = args.Bias });
            else device.Workers.For(args.Windows.Batch * args.Groups, args, &Image<T, V>);
        }

        /// <summary>Patches overlap in x, so an image (of one group) is the work of one thread, in order.</summary>
        static void Image<T, V>(in ConvArgs args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int group = item % args.Groups, image = item / args.Groups, patch = args.PatchSize, outputs = args.GroupOutputs, size = BlockRows(patch);
            int first = image * args.Windows.Outputs, last = first + args.Windows.Outputs;
            T* patches = Workers.Local<T>((long)size * patch + Gemm.Work<T, V>());
            T* x = args.X.As<T>() + group * args.GroupInputs;
            Patches.Start<T, V>(args.Windows, x, args.GroupInputs, image, args.Bias.IsNull ? null : args.Bias.As<T>() + group * args.GroupInputs);
            for (int begin = first; begin < last; begin += size)
            {
                int end = Math.Min(last, begin + size);
                Gemm.Serial<T, V>(new(Pointer.At(args.Y.As<T>() + (long)begin * args.Outputs + group * outputs), Pointer.At(args.Weight.As<T>() + group * outputs),
                    Pointer.At(patches), end - begin, patch, outputs, TransposeB: true)
                {
                    LeadingA = args.Outputs, LeadingB = args.Outputs,
                }, patches + (long)size * patch);
                Patches.Scatter<T, V>(args.Windows, x, args.GroupInputs, begin, end, patches);
            }
        }
    }

    struct WeightGradientBody : ICpuKernel<ConvArgs>
    {
        const int FewestColumns = 64;           // of a patch in one item

        public static void Run<T, V>(CpuDevice device, in ConvArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int rows = args.Windows.Batch * args.Windows.Outputs;
            if (args.IsPointwise) Gemm.Run<T, V>(device, new(args.X, args.Y, args.Weight, args.Windows.Channels, args.Outputs, rows, TransposeA: true));
            else device.Workers.For(args.Groups * Workers.Blocks(args.Windows.Taps, ItemTaps(args)), args, &Taps<T, V>);
        }

        static int ItemTaps(in ConvArgs args) => Math.Clamp(FewestColumns / Math.Max(1, args.GroupInputs), 1, args.Windows.Taps);

        /// <summary>The gradient of some taps, summed over all outputs in order by one thread.</summary>
        static void Taps<T, V>(in ConvArgs args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int group = item % args.Groups, outputs = args.GroupOutputs, all = args.Windows.Batch * args.Windows.Outputs;
            (int t0, int t1) = Workers.Range(item / args.Groups, args.Windows.Taps, ItemTaps(args));
            int columns = (t1 - t0) * args.GroupInputs, size = BlockRows(columns);
            T* patches = Workers.Local<T>((long)size * columns + Gemm.Work<T, V>());
            Pointer gradient = Pointer.At(args.Weight.As<T>() + (long)t0 * args.GroupInputs * args.Outputs + group * outputs);
            int begin = 0;
            do
            {
                int end = Math.Min(all, begin + size);
                Patches.Gather<T, V>(args.Windows, args.X.As<T>() + group * args.GroupInputs, args.GroupInputs, begin, end, t0, t1, patches);
                Gemm.Serial<T, V>(new(Pointer.At(patches), Pointer.At(args.Y.As<T>() + (long)begin * args.Outputs + group * outputs), gradient,
                    columns, outputs, end - begin, TransposeA: true)
                {
                    LeadingB = args.Outputs, LeadingC = args.Outputs, Accumulate = begin > 0,
                }, patches + (long)size * columns);
                begin = end;
            }
            while (begin < all);
        }
    }
}
