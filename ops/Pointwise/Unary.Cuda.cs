using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class Unary<F>
{
    static readonly Flat<ValueFormula<F>> flatValue = new(1, $"{typeof(F).Name}.value");
    static readonly Flat<SlopeFormula<F>> flatSlope = new(2, $"{typeof(F).Name}.slope");

    struct ValueCuda : ICudaKernel<ValueArgs>
    {
        public static void Run<T>(CudaDevice device, in ValueArgs a) where T : unmanaged => flatValue.Run<T>(device, new(a.Formula), a.Y, a.Count, a.X);
    }

    struct SlopeCuda : ICudaKernel<SlopeArgs>
    {
        public static void Run<T>(CudaDevice device, in SlopeArgs a) where T : unmanaged => flatSlope.Run<T>(device, new(a.Formula), a.Dx, a.Count, a.Saved, a.Dy);
    }
}

/// <summary>f of x.</summary>
readonly struct ValueFormula<F>(F formula) : IFormula where F : unmanaged, IUnary
{
    public void Write(FormulaTrace trace) => trace.Output(formula.Value(trace.Input()));
}

/// <summary>dy · f′ of what was saved and dy.</summary>
readonly struct SlopeFormula<F>(F formula) : IFormula where F : unmanaged, IUnary
{
    public void Write(FormulaTrace trace)
    {
        Traced saved = trace.Input(), dy = trace.Input();
        trace.Output(dy * formula.Slope(saved));
    }
}
