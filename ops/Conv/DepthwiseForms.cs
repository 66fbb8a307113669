namespace MiniTorch.Ops;

/// <summary>
/// Depthwise convolution and its gradients, on the CPU each in the form that costs least. A form estimates its cost for a register of channels in multiply-adds, from
/// shapes, the width of a register and the number of taps that are not zero, and nothing that is measured: the same operands always take the same form, with any number of threads.
/// </summary>
static partial class DepthwiseForms
{
    internal static readonly Kernel<DepthwiseArgs> Forward = Kernel<DepthwiseArgs>.On<ForwardBody, ForwardCuda>("DepthwiseConv.forward");
    internal static readonly Kernel<DepthwiseArgs> InputGradient = Kernel<DepthwiseArgs>.On<InputBody, InputCuda>("DepthwiseConv.inputGradient");
    internal static readonly Kernel<DepthwiseArgs> WeightGradient = Kernel<DepthwiseArgs>.On<WeightBody, WeightCuda>("DepthwiseConv.weightGradient");

    struct ForwardBody : ICpuKernel<DepthwiseArgs>
    {
        public static void Run<T, V>(CpuDevice device, in DepthwiseArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            if (args.IsPlain) Plain<T, V>(device, args);
            else DepthwiseGeneral.Forward<T, V>(device, args);
        }
    }

    struct InputBody : ICpuKernel<DepthwiseArgs>
    {
        public static void Run<T, V>(CpuDevice device, in DepthwiseArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            if (args.IsPlain) Plain<T, V>(device, args.Turned());
            else DepthwiseGeneral.InputGradient<T, V>(device, args);
        }
    }

    struct WeightBody : ICpuKernel<DepthwiseArgs>
    {
        public static unsafe void Run<T, V>(CpuDevice device, in DepthwiseArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            if (!args.IsPlain) DepthwiseGeneral.WeightGradient<T, V>(device, args);
            else if (DepthwiseNarrow.Fits(args) && DepthwiseNarrow.Cost(args.Windows) < DepthwiseDirect.Cost(args.Windows)) DepthwiseNarrow.WeightGradient<T, V>(device, args);
            else if (DepthwiseRows.GradientCost(args.Windows, V.Count * sizeof(T)) < DepthwiseDirect.Cost(args.Windows)) DepthwiseRows.WeightGradient<T, V>(device, args);
            else DepthwiseDirect.WeightGradient<T, V>(device, args);
        }
    }

    static unsafe void Plain<T, V>(CpuDevice device, in DepthwiseArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        double direct = DepthwiseDirect.Cost(args.Windows), rows = DepthwiseRows.Cost(args.Windows, V.Count * sizeof(T));
        if (DepthwiseNarrow.Fits(args) && DepthwiseNarrow.Cost(args.Windows) < direct) DepthwiseNarrow.Forward<T, V>(device, args);
        else if (DepthwiseTaps.Pays<T, V>(args, Math.Min(direct, rows))) DepthwiseTaps.Forward<T, V>(device, args);
        else if (rows < direct) DepthwiseRows.Forward<T, V>(device, args);
        else DepthwiseDirect.Forward<T, V>(device, args);
    }
}

/// <summary>Operands of a depthwise convolution or of one of its gradients; whichever is sought is written, and y or x starts from the bias of its channels.</summary>
readonly record struct DepthwiseArgs(Pointer X, Pointer Weight, Pointer Y, Pointer Bias, Windows Windows, int Multiplier) : ICost
{
    public Cost Cost(int size) => Windows.Cost(Outputs, Windows.Channels, size);

    /// <summary>The kernel is read from its end: the convolution that gives the input gradient.</summary>
    internal bool Reversed { get; private init; }

    internal int Outputs => Windows.Channels * Multiplier;

    /// <summary>Stride and dilation 1, one kernel per channel, at most two axes with more than a point: the case that networks spend their time in.</summary>
    internal bool IsPlain => Multiplier == 1 && Windows.D.IsPoint && Turns(Windows.H) && Turns(Windows.W);

    /// <summary>
    /// Whether y goes past the caches: a register is a whole line, and so much passes through the caches meanwhile (x, the lines of y before they are written, y) that little of y
    /// would stay there.
    /// </summary>
    internal unsafe bool Streams<T, V>() where T : unmanaged where V : struct, ILanes<V, T>
    {
        long elements = (long)Windows.Batch * Windows.Channels * (Windows.D.In * Windows.H.In * Windows.W.In + 2 * Windows.D.Out * Windows.H.Out * Windows.W.Out);
        return V.Count * sizeof(T) == CacheLine.Bytes && Windows.Channels % V.Count == 0 && Lanes.Streams<V, T>(Y.As<T>(), elements);
    }

    static bool Turns(Axis a) => a.Stride == 1 && a.Dilation == 1 && a.Padding < a.Kernel;

    /// <summary>Writes y.</summary>
    internal void Forward(Tensor y) => DepthwiseForms.Forward.Launch(y.Device, y.DType, this);

    /// <summary>Writes x.</summary>
    internal void InputGradient(Tensor x) => DepthwiseForms.InputGradient.Launch(x.Device, x.DType, this);

    /// <summary>Writes the weight.</summary>
    internal void WeightGradient(Tensor weight) => DepthwiseForms.WeightGradient.Launch(weight.Device, weight.DType, this);

    /// <summary>From dy to dx: the same convolution with the kernel turned round and the complementary padding.</summary>
    internal DepthwiseArgs Turned() => new(Y, Weight, X, Bias, Windows with { H = Turn(Windows.H), W = Turn(Windows.W) }, Multiplier) { Reversed = true };

    static Axis Turn(Axis a) => new(a.Out, a.In, a.Kernel, 1, a.Kernel - 1 - a.Padding, 1);
}
