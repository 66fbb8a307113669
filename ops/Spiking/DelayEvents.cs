using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>
/// <see cref="DelayConv"/> by the elements of x that are not zero. They are listed for each sequence and input, in the order of time. An event at t adds the kernel's rows of
/// its input to y[t], y[t + 1], … : a few rows of a block of outputs stay in registers while the events of an input run over them, and the y of a sequence stays in L1. The
/// kernel's gradient is the same with the roles of y and kernel exchanged. Cost: delays · outputs multiply-adds an event.
/// </summary>
static unsafe class DelayEvents
{
    const int Together = 5;             // delays whose rows stay in registers, two registers each
    const int Columns = 64;             // inputs of the kernel's gradient in one item

    /// <summary>How many events each sequence and input has: the first of each in the list, and their number at the end.</summary>
    internal readonly ref struct Counts(Scratch scratch, int lists, long elements)
    {
        readonly Scratch scratch = scratch;

        internal int* Starts => scratch.As<int>();

        internal int Events => Starts[lists];

        /// <summary>The part of x that is not zero.</summary>
        internal double Fraction => elements == 0 ? 0 : (double)Events / elements;

        public void Dispose() => scratch.Dispose();
    }

    /// <summary>What the parallel loops share. Places: of events in rows of a block of y; packed: the kernel in blocks [block, in, delays, two registers].</summary>
    readonly record struct Plan(DelayConv.Args Args, Pointer Starts, Pointer Places, Pointer Values, Pointer Packed)
    {
        /// <summary>Delays filled up to whole groups.</summary>
        internal int Delays => Workers.Blocks(Args.Delays, Together) * Together;

        /// <summary>Rows that events can reach.</summary>
        internal int Rows => Math.Max(Args.Steps, Args.Time + Delays);

        internal int Blocks(int width) => Workers.Blocks(Args.Outputs, width);
    }

    /// <summary>Counts events.</summary>
    internal static Counts Count<T>(CpuDevice device, in DelayConv.Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int lists = args.Batch * args.Inputs;
        Scratch scratch = device.Scratch((lists + 1L) * sizeof(int));
        int* starts = scratch.As<int>();
        device.Workers.For(args.Batch, new Plan(args, Pointer.At(starts), default, default, default), &CountSequence<T>);
        int sum = 0;
        for (int i = 0; i <= lists; i++)
        {
            int count = i < lists ? starts[i] : 0;
            starts[i] = sum;
            sum += count;
        }
        return new(scratch, lists, (long)args.Time * lists);
    }

    static void CountSequence<T>(in Plan plan, int b) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int inputs = plan.Args.Inputs;
        int* counts = plan.Starts.As<int>() + (long)b * inputs;
        new Span<int>(counts, inputs).Clear();
        for (int t = 0; t < plan.Args.Time; t++)
        {
            T* x = plan.Args.X.As<T>() + ((long)t * plan.Args.Batch + b) * inputs;
            for (int i = 0; i < inputs; i++) counts[i] += x[i] != T.Zero ? 1 : 0;
        }
    }

    /// <summary>Writes y.</summary>
    internal static void Forward<T, V>(CpuDevice device, in DelayConv.Args args, in Counts counts) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        Plan sizes = new(args, default, default, default, default);
        int width = 2 * V.Count, blocks = sizes.Blocks(width);
        long packed = (long)blocks * args.Inputs * sizes.Delays * width;
        using Scratch scratch = device.Scratch(packed * sizeof(T) + ListBytes<T>(counts.Events));
        Plan plan = List<T, V>(device, args, counts, scratch.As<T>() + packed) with { Packed = Pointer.At(scratch.As<T>()) };
        device.Workers.For(blocks * plan.Delays, plan, &Pack<T, V>);
        device.Workers.For(blocks * args.Batch, plan, &Sequence<T, V>);
    }

    static long ListBytes<T>(int events) where T : unmanaged => (long)events * (sizeof(T) + sizeof(int));

    static Plan List<T, V>(CpuDevice device, in DelayConv.Args args, in Counts counts, T* at) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        Plan plan = new(args, Pointer.At(counts.Starts), Pointer.At(at + counts.Events), Pointer.At(at), default);
        device.Workers.For(args.Batch, plan, &ListSequence<T, V>);
        return plan;
    }

    /// <summary>The values and places of a sequence's events.</summary>
    static void ListSequence<T, V>(in Plan plan, int b) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int inputs = plan.Args.Inputs;
        int* next = Workers.Local<int>(inputs), places = plan.Places.As<int>();
        T* values = plan.Values.As<T>();
        new Span<int>(plan.Starts.As<int>() + (long)b * inputs, inputs).CopyTo(new(next, inputs));
        for (int t = 0; t < plan.Args.Time; t++)
        {
            T* x = plan.Args.X.As<T>() + ((long)t * plan.Args.Batch + b) * inputs;
            for (int i = 0; i < inputs; i++)
            {
                if (x[i] == T.Zero) continue;
                int at = next[i]++;
                (values[at], places[at]) = (x[i], t * 2 * V.Count);
            }
        }
    }

    /// <summary>The rows of a delay in a block of outputs, zeros beyond the kernel's edges.</summary>
    static void Pack<T, V>(in Plan plan, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (int inputs, int outputs, int delays, int width) = (plan.Args.Inputs, plan.Args.Outputs, plan.Delays, 2 * V.Count);
        int block = item / delays, d = item % delays, some = d < plan.Args.Delays ? Math.Min(width, outputs - block * width) : 0;
        T* from = some > 0 ? DelayConv.Cell<T>(plan.Args, d).As<T>() + block * width : null, to = plan.Packed.As<T>() + ((long)block * inputs * delays + d) * width;
        for (int i = 0; i < inputs; i++, to += delays * width)
        {
            if (some < width) new Span<T>(to, width).Clear();
            if (some > 0) new Span<T>(from + (long)i * outputs, some).CopyTo(new(to, some));
        }
    }

    /// <summary>A block of outputs of one sequence.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Sequence<T, V>(in Plan plan, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (int inputs, int outputs, int delays, int n) = (plan.Args.Inputs, plan.Args.Outputs, plan.Delays, V.Count);
        int width = 2 * n, block = item / plan.Args.Batch, b = item % plan.Args.Batch, c0 = block * width, some = Math.Min(width, outputs - c0);
        int* starts = plan.Starts.As<int>() + (long)b * inputs, places = plan.Places.As<int>();
        T* values = plan.Values.As<T>(), y = Workers.Local<T>((long)plan.Rows * width), k = plan.Packed.As<T>() + (long)block * inputs * delays * width;
        new Span<T>(y, plan.Rows * width).Clear();
        for (int i = 0; i < inputs; i++, k += delays * width)
        {
            int from = starts[i], to = starts[i + 1];
            if (from == to) continue;
            T* row = k, at = y;
            for (int d = 0; d < delays; d += Together, row += Together * width, at += Together * width)
            {
                V a0 = V.Load(row), b0 = V.Load(row + n), a1 = V.Load(row + 2 * n), b1 = V.Load(row + 3 * n), a2 = V.Load(row + 4 * n), b2 = V.Load(row + 5 * n);
                V a3 = V.Load(row + 6 * n), b3 = V.Load(row + 7 * n), a4 = V.Load(row + 8 * n), b4 = V.Load(row + 9 * n);
                for (int e = from; e < to; e++)
                {
                    T* p = at + places[e];
                    V v = V.All(values[e]);
                    V.MultiplyAdd(v, a0, V.Load(p)).Store(p);
                    V.MultiplyAdd(v, b0, V.Load(p + n)).Store(p + n);
                    V.MultiplyAdd(v, a1, V.Load(p + 2 * n)).Store(p + 2 * n);
                    V.MultiplyAdd(v, b1, V.Load(p + 3 * n)).Store(p + 3 * n);
                    V.MultiplyAdd(v, a2, V.Load(p + 4 * n)).Store(p + 4 * n);
                    V.MultiplyAdd(v, b2, V.Load(p + 5 * n)).Store(p + 5 * n);
                    V.MultiplyAdd(v, a3, V.Load(p + 6 * n)).Store(p + 6 * n);
                    V.MultiplyAdd(v, b3, V.Load(p + 7 * n)).Store(p + 7 * n);
                    V.MultiplyAdd(v, a4, V.Load(p + 8 * n)).Store(p + 8 * n);
                    V.MultiplyAdd(v, b4, V.Load(p + 9 * n)).Store(p + 9 * n);
                }
            }
        }
        T* result = plan.Args.Y.As<T>() + (long)b * outputs + c0, bias = plan.Args.Bias.IsNull ? null : plan.Args.Bias.As<T>() + c0;
        for (int t = 0; t < plan.Args.Steps; t++, y += width, result += (long)plan.Args.Batch * outputs)
            for (int c = 0; c < some; c += n)
            {
                int lanes = Math.Min(n, some - c);
                V value = V.Load(y + c);
                Lanes.Write(bias == null ? value : value + Lanes.Read<V, T>(bias + c, lanes), result + c, lanes);
            }
    }

    /// <summary>Writes the gradient of the kernel.</summary>
    internal static void KernelGradient<T, V>(CpuDevice device, in DelayConv.Args args, in Counts counts) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        using Scratch scratch = device.Scratch(ListBytes<T>(counts.Events));
        Plan plan = List<T, V>(device, args, counts, scratch.As<T>());
        device.Workers.For(plan.Blocks(2 * V.Count) * Workers.Blocks(args.Inputs, Columns), plan, &Correlate<T, V>);
    }

    /// <summary>The gradient of some inputs to a block of outputs, summed over the sequences in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Correlate<T, V>(in Plan plan, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (int inputs, int outputs, int delays, int n) = (plan.Args.Inputs, plan.Args.Outputs, plan.Delays, V.Count);
        int width = 2 * n, columns = Workers.Blocks(inputs, Columns), c0 = item / columns * width, some = Math.Min(width, outputs - c0);
        (int begin, int end) = Workers.Range(item % columns, inputs, Columns);
        int* places = plan.Places.As<int>();
        T* values = plan.Values.As<T>(), sums = Workers.Local<T>(((long)(end - begin) * delays + plan.Rows) * width), dy = sums + (long)(end - begin) * delays * width;
        new Span<T>(sums, ((end - begin) * delays + plan.Rows) * width).Clear();
        for (int sequence = 0; sequence < plan.Args.Batch; sequence++)
        {
            T* y = plan.Args.Y.As<T>() + (long)sequence * outputs + c0;
            for (int t = 0; t < plan.Args.Steps; t++, y += (long)plan.Args.Batch * outputs) new Span<T>(y, some).CopyTo(new(dy + (long)t * width, some));
            int* starts = plan.Starts.As<int>() + (long)sequence * inputs;
            for (int i = begin; i < end; i++)
            {
                int from = starts[i], to = starts[i + 1];
                if (from == to) continue;
                T* row = sums + (long)(i - begin) * delays * width, at = dy;
                for (int d = 0; d < delays; d += Together, row += Together * width, at += Together * width)
                {
                    V a0 = V.Load(row), b0 = V.Load(row + n), a1 = V.Load(row + 2 * n), b1 = V.Load(row + 3 * n), a2 = V.Load(row + 4 * n), b2 = V.Load(row + 5 * n);
                    V a3 = V.Load(row + 6 * n), b3 = V.Load(row + 7 * n), a4 = V.Load(row + 8 * n), b4 = V.Load(row + 9 * n);
                    for (int e = from; e < to; e++)
                    {
                        T* p = at + places[e];
                        V v = V.All(values[e]);
                        a0 = V.MultiplyAdd(v, V.Load(p), a0);
                        b0 = V.MultiplyAdd(v, V.Load(p + n), b0);
                        a1 = V.MultiplyAdd(v, V.Load(p + 2 * n), a1);
                        b1 = V.MultiplyAdd(v, V.Load(p + 3 * n), b1);
                        a2 = V.MultiplyAdd(v, V.Load(p + 4 * n), a2);
                        b2 = V.MultiplyAdd(v, V.Load(p + 5 * n), b2);
                        a3 = V.MultiplyAdd(v, V.Load(p + 6 * n), a3);
                        b3 = V.MultiplyAdd(v, V.Load(p + 7 * n), b3);
                        a4 = V.MultiplyAdd(v, V.Load(p + 8 * n), a4);
                        b4 = V.MultiplyAdd(v, V.Load(p + 9 * n), b4);
                    }
                    a0.Store(row);
                    b0.Store(row + n);
                    a1.Store(row + 2 * n);
                    b1.Store(row + 3 * n);
                    a2.Store(row + 4 * n);
                    b2.Store(row + 5 * n);
                    a3.Store(row + 6 * n);
                    b3.Store(row + 7 * n);
                    a4.Store(row + 8 * n);
                    b4.Store(row + 9 * n);
                }
            }
        }
        for (int d = 0; d < plan.Args.Delays; d++)
        {
            T* to = DelayConv.Cell<T>(plan.Args, d).As<T>() + c0;
            for (int i = begin; i < end; i++) new Span<T>(sums + ((long)(i - begin) * delays + d) * width, some).CopyTo(new(to + (long)i * outputs, some));
        }
    }
}
