using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class SynapseFilterOp
{
    const int Threads = 128;

    readonly record struct ForwardLaunch(FormulaConstants Constants, Pointer X, Pointer W, Pointer Y, int Steps, int Width, float Rate);
    readonly record struct BackwardLaunch(FormulaConstants Constants, Pointer X, Pointer W, Pointer Y, Pointer Dy, Pointer Dx, Pointer Partial, int Steps, int Width, float Rate);

    static readonly FormulaKernel<AdvanceFormula, ForwardLaunch> advance = new(typeof(SynapseFilterOp), "SynapseFilter", "synapseForward", "filter");
    static readonly FormulaKernel<SlopeFormula, BackwardLaunch> differentiate = new(typeof(SynapseFilterOp), "SynapseFilter", "synapseBackward", "filter");

    struct ForwardCuda : ISingleCudaKernel<ForwardArgs>
    {
        public static void Run(CudaDevice device, in ForwardArgs a)
            => device.Launch(advance.For<float>(default, out _), Workers.Blocks(a.Width, Threads), Threads, new(default, a.X, a.W, a.Y, a.Steps, a.Width, (float)a.Rate));
    }

    struct BackwardCuda : ISingleCudaKernel<BackwardArgs>
    {
        public static void Run(CudaDevice device, in BackwardArgs a)
        {
            int blocks = Workers.Blocks(a.Width, Threads);
            using Scratch scratch = device.Scratch((long)blocks * sizeof(float));
            Pointer partial = a.Dw.IsNull ? default : Pointer.At(scratch.As<float>());
            device.Launch(differentiate.For<float>(default, out _), blocks, Threads, new(default, a.X, a.W, a.Y, a.Dy, a.Dx, partial, a.Steps, a.Width, (float)a.Rate));
            if (!a.Dw.IsNull) Fold<Sum.Plus>.Merge<float>(device, partial, blocks, 1, a.Dw);
        }
    }

    readonly struct AdvanceFormula : IFormula
    {
        public void Write(FormulaTrace trace)
        {
            trace.Output(Advance(trace.Input(), trace.Input(), trace.Input()));
            trace.NextPart();
            trace.Output(default(Sigmoid).Value(trace.Input()));
        }
    }

    readonly struct SlopeFormula : IFormula
    {
        public void Write(FormulaTrace trace)
        {
            (Traced dx, Traced carry, Traced dw) = Differentiate(trace.Input(), trace.Input(), trace.Input(), trace.Input());
            trace.Output(dx);
            trace.Output(carry);
            trace.Output(dw);
            trace.NextPart();
            trace.Output(default(Sigmoid).Value(trace.Input()));
        }
    }
}
