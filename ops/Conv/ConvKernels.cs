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
static unsafe partial class ConvKernels
{
    const int BlockElements = 1 << 16;          // of patches at a time
    const int FewestItems = 16;

    internal static readonly Kernel<ConvArgs> Forward = Kernel<ConvArgs>.On<ForwardBody, ForwardCuda>("Conv.forward");
    internal static readonly Kernel<ConvArgs> InputGradient = Kernel<ConvArgs>.On<InputGradientBody, InputGradientCuda>("Conv.inputGradient");
    internal static readonly Kernel<ConvArgs> WeightGradient = Kernel<ConvArgs>.On<WeightGradientBody, WeightGradientCuda>("Conv.weightGradient");

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
        readonly record struct Rows(ConvArgs Conv, int Count);

        public static void Run<T, V>(CpuDevice device, in ConvArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int rows = args.Windows.Batch * args.Windows.Outputs;
            if (args.IsPointwise)
            {
                Gemm.Run<T, V>(device, new(args.Y, args.Weight, args.X, rows, args.Windows.Channels, args.Outputs, TransposeB: true) { Bias = args.Bias });
                return;
            }
            Rows each = new(args, ItemRows(args));
            device.Workers.For(args.Windows.Batch * args.Groups * Workers.Blocks(args.Windows.H.In, each.Count), each, &Item<T, V>);
        }

        /// <summary>Rows of an image in one item. Windows reach across, so that outputs at its edge are computed twice: there must be many more rows than those.</summary>
        static int ItemRows(in ConvArgs args)
        {
            Axis h = args.Windows.H;
            int images = Math.Max(1, args.Windows.Batch * args.Groups), parts = (FewestItems + images - 1) / images;
            int overlap = Math.Max(0, (h.Kernel - 1) * h.Dilation + 1 - h.Stride), rows = Math.Max((h.In + parts - 1) / parts, 4 * overlap);
            return (rows + h.Stride - 1) / h.Stride * h.Stride;
        }

        /// <summary>Patches overlap in x, so some rows of an image (of one group) are the work of one thread, in the order of the outputs.</summary>
        static void Item<T, V>(in Rows rows, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            ConvArgs args = rows.Conv;
            Windows windows = args.Windows;
            int blocks = Workers.Blocks(windows.H.In, rows.Count), group = item % args.Groups, image = item / args.Groups / blocks;
            (int y0, int y1) = Workers.Range(item / args.Groups % blocks, windows.H.In, rows.Count);
            (int h0, int h1) = windows.H.Outputs(y0, y1);
            int patch = args.PatchSize, outputs = args.GroupOutputs, size = BlockRows(patch);
            T* patches = Workers.Local<T>((long)size * patch + Gemm.Work<T, V>());
            T* x = args.X.As<T>() + group * args.GroupInputs;
            Patches.Start<T, V>(windows, x, args.GroupInputs, image, y0, y1, args.Bias.IsNull ? null : args.Bias.As<T>() + group * args.GroupInputs);
            for (int plane = image * windows.D.Out; plane < (image + 1) * windows.D.Out; plane++)
            {
                int last = (plane * windows.H.Out + h1) * windows.W.Out;
                for (int begin = (plane * windows.H.Out + h0) * windows.W.Out; begin < last; begin += size)
                {
                    int end = Math.Min(last, begin + size);
                    Gemm.Serial<T, V>(new(Pointer.At(args.Y.As<T>() + (long)begin * args.Outputs + group * outputs), Pointer.At(args.Weight.As<T>() + group * outputs),
                        Pointer.At(patches), end - begin, patch, outputs, TransposeB: true)
                    {
                        LeadingA = args.Outputs, LeadingB = args.Outputs,
                    }, patches + (long)size * patch);
                    Patches.Scatter<T, V>(windows, x, args.GroupInputs, begin, end, y0, y1, patches);
                }
            }
        }
    }

    struct WeightGradientBody : ICpuKernel<ConvArgs>
    {
        const int FewestColumns = 64;           // of a patch in one item
        const int SliceRows = 1024;             // least number of outputs in a slice
        const long LargestPartial = 1 << 21;    // elements of all slices together

        /// <summary>The outputs in slices, each with a gradient of its own in Partial, to be added in order.</summary>
        readonly record struct Sums(ConvArgs Conv, int Slices, Pointer Partial)
        {
            internal int Size => Conv.PatchSize * Conv.Outputs;
        }

        public static void Run<T, V>(CpuDevice device, in ConvArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int rows = args.Windows.Batch * args.Windows.Outputs;
            if (args.IsPointwise)
            {
                Gemm.Run<T, V>(device, new(args.X, args.Y, args.Weight, args.Windows.Channels, args.Outputs, rows, TransposeA: true));
                return;
            }
            int items = args.Groups * Workers.Blocks(args.Windows.Taps, ItemTaps(args));
            Sums sums = new(args, 1, args.Weight);
            int slices = (int)Math.Min(Math.Min((FewestItems + items - 1) / items, rows / SliceRows), LargestPartial / Math.Max(1, sums.Size));
            if (slices <= 1)
            {
                device.Workers.For(items, sums, &Taps<T, V>);
                return;
            }
            using Scratch partial = device.Scratch((long)slices * sums.Size * sizeof(T));
            sums = new(args, slices, Pointer.At(partial.As<T>()));
            device.Workers.For(slices * items, sums, &Taps<T, V>);
            device.Workers.For(Workers.Blocks(sums.Size), sums, &Add<T, V>);
        }

        static int ItemTaps(in ConvArgs args) => Math.Clamp(FewestColumns / Math.Max(1, args.GroupInputs), 1, args.Windows.Taps);

        /// <summary>The gradient of some taps, summed over the outputs of a slice in order by one thread.</summary>
        static void Taps<T, V>(in Sums sums, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            ConvArgs args = sums.Conv;
            int group = item % args.Groups, outputs = args.GroupOutputs, all = args.Windows.Batch * args.Windows.Outputs, tapBlocks = Workers.Blocks(args.Windows.Taps, ItemTaps(args));
            int slice = item / args.Groups / tapBlocks, last = (int)((slice + 1L) * all / sums.Slices);
            (int t0, int t1) = Workers.Range(item / args.Groups % tapBlocks, args.Windows.Taps, ItemTaps(args));
            int columns = (t1 - t0) * args.GroupInputs, size = BlockRows(columns);
            T* patches = Workers.Local<T>((long)size * columns + Gemm.Work<T, V>());
            Pointer gradient = Pointer.At(sums.Partial.As<T>() + (long)slice * sums.Size + (long)t0 * args.GroupInputs * args.Outputs + group * outputs);
            int first = (int)((long)slice * all / sums.Slices), begin = first;
            do
            {
                int end = Math.Min(last, begin + size);
                Patches.Gather<T, V>(args.Windows, args.X.As<T>() + group * args.GroupInputs, args.GroupInputs, begin, end, t0, t1, patches);
                Gemm.Serial<T, V>(new(Pointer.At(patches), Pointer.At(args.Y.As<T>() + (long)begin * args.Outputs + group * outputs), gradient,
                    columns, outputs, end - begin, TransposeA: true)
                {
                    LeadingB = args.Outputs, LeadingC = args.Outputs, Accumulate = begin > first,
                }, patches + (long)size * columns);
                begin = end;
            }
            while (begin < last);
        }

        static void Add<T, V>(in Sums sums, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int i, int end) = Workers.Range(block, sums.Size);
            T* to = sums.Conv.Weight.As<T>(), from = sums.Partial.As<T>();
            for (; i <= end - V.Count; i += V.Count)
            {
                V sum = V.Load(from + i);
                for (int s = 1; s < sums.Slices; s++) sum += V.Load(from + (long)s * sums.Size + i);
                sum.Store(to + i);
            }
            for (; i < end; i++)
            {
                to[i] = from[i];
                for (int s = 1; s < sums.Slices; s++) to[i] += from[(long)s * sums.Size + i];
            }
        }
    }
}
