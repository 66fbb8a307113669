using MiniTorch.Cuda;

namespace MiniTorch;

static unsafe partial class Accumulate
{
    static readonly Flat<Plus> flat = new(2, "Accumulate");

    struct SumCuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged => flat.Run<T>(device, default, a.Sum, a.Count, a.A, a.B);
    }

    readonly struct Plus : IFormula
    {
        public void Write(FormulaTrace trace) => trace.Output(trace.Input() + trace.Input());
    }
}
