using MiniTorch.Cuda;

namespace MiniTorch.Ops;

/// <summary>The parameter of <c>recurrentForward</c>.</summary>
readonly record struct RecurrentForwardLaunch(FormulaConstants Constants, Pointer X, Pointer Recurrent, Pointer Spikes, Pointer Membrane, Pointer H, int Steps, int Batch, int Width, float Rate, float Start);
/// <summary>The parameter of <c>recurrentBackward</c>.</summary>
readonly record struct RecurrentBackwardLaunch(FormulaConstants Constants, Pointer H, Pointer Transposed, Pointer DSpikes, Pointer DMembrane, Pointer Dx, Pointer Carried, int Steps, int Batch, int Width, float Rate);

/// <summary>A sequence a block.</summary>
public sealed unsafe partial class RecurrentNeuronOp<S>
{
    const int Threads = 128;

    static readonly FormulaKernel<NeuronOp<S>.AdvanceFormula, RecurrentForwardLaunch> advance = new(typeof(Leak), "RecurrentNeuron", "recurrentForward", typeof(S).Name);
    static readonly FormulaKernel<SlopeFormula, RecurrentBackwardLaunch> differentiate = new(typeof(Leak), "RecurrentNeuron", "recurrentBackward", typeof(S).Name);

    struct ForwardCuda : ISingleCudaKernel<ForwardArgs>
    {
        public static void Run(CudaDevice device, in ForwardArgs a)
        {
            CudaFunction<RecurrentForwardLaunch> function = advance.For<float>(new(a.Step), out FormulaConstants constants);
            device.Launch(function, a.Batch, Threads, new(constants, a.X, a.Recurrent, a.Spikes, a.Membrane, a.H, a.Steps, a.Batch, a.Width, (float)a.Rate, (float)a.Step.Start));
        }
    }

    struct BackwardCuda : ISingleCudaKernel<BackwardArgs>
    {
        public static void Run(CudaDevice device, in BackwardArgs a)
        {
            using Scratch scratch = device.Scratch((long)a.Batch * a.Width * sizeof(float));
            CudaFunction<RecurrentBackwardLaunch> function = differentiate.For<float>(new(a.Step), out FormulaConstants constants);
            device.Launch(function, a.Batch, Threads, new(constants, a.H, a.Transposed, a.DSpikes, a.DMembrane, a.Dx, Pointer.At(scratch.As<float>()), a.Steps, a.Batch, a.Width, (float)a.Rate));
        }
    }

    /// <summary>The membrane before the step matters to a learned τ alone.</summary>
    readonly struct SlopeFormula(NeuronStep<S> step) : IFormula
    {
        public void Write(FormulaTrace trace)
        {
            Traced h = trace.Input();
            (Traced dx, Traced carry, _) = step.Differentiate(h, h, trace.Input(), trace.Input(), trace.Input());
            trace.Output(dx);
            trace.Output(carry);
        }
    }
}
