using MiniTorch.Cuda;

namespace MiniTorch.Ops;

/// <summary>The parameter of <c>neuronForward</c>.</summary>
readonly record struct NeuronForwardLaunch(FormulaConstants Constants, Pointer X, Pointer W, Pointer Spikes, Pointer Membrane, Pointer H, int Steps, int Width, float Rate, float Start);
/// <summary>The parameter of <c>neuronBackward</c>.</summary>
readonly record struct NeuronBackwardLaunch(FormulaConstants Constants, Pointer H, Pointer W, Pointer DSpikes, Pointer DMembrane, Pointer Dx, Pointer Partial, int Steps, int Width, float Rate, float Start);

public sealed unsafe partial class NeuronOp<S>
{
    const int Threads = 128;

    static readonly FormulaKernel<AdvanceFormula, NeuronForwardLaunch> advance = new(typeof(Leak), "Neuron", "neuronForward", typeof(S).Name);
    static readonly FormulaKernel<SlopeFormula, NeuronBackwardLaunch> differentiate = new(typeof(Leak), "Neuron", "neuronBackward", typeof(S).Name);

    struct ForwardCuda : ISingleCudaKernel<ForwardArgs>
    {
        public static void Run(CudaDevice device, in ForwardArgs a)
        {
            CudaFunction<NeuronForwardLaunch> function = advance.For<float>(new(a.Step), out FormulaConstants constants);
            device.Launch(function, Workers.Blocks(a.Width, Threads), Threads, new(constants, a.X, a.W, a.Spikes, a.Membrane, a.H, a.Steps, a.Width, (float)a.Rate, (float)a.Step.Start));
        }
    }

    struct BackwardCuda : ISingleCudaKernel<BackwardArgs>
    {
        public static void Run(CudaDevice device, in BackwardArgs a)
        {
            int blocks = Workers.Blocks(a.Width, Threads);
            using Scratch scratch = device.Scratch((long)blocks * sizeof(float));
            Pointer partial = a.Dw.IsNull ? default : Pointer.At(scratch.As<float>());
            CudaFunction<NeuronBackwardLaunch> function = differentiate.For<float>(new(a.Step), out FormulaConstants constants);
            device.Launch(function, blocks, Threads, new(constants, a.H, a.W, a.DSpikes, a.DMembrane, a.Dx, partial, a.Steps, a.Width, (float)a.Rate, (float)a.Step.Start));
            if (!a.Dw.IsNull) Fold<Sum.Plus>.Merge<float>(device, partial, blocks, 1, a.Dw);
        }
    }

    /// <summary>A step, and 1/τ of a learned w.</summary>
    internal readonly struct AdvanceFormula(NeuronStep<S> step) : IFormula
    {
        public void Write(FormulaTrace trace)
        {
            Traced h = step.Charge(trace.Input(), trace.Input(), trace.Input()), spike = step.Spike(h);
            trace.Output(h);
            trace.Output(spike);
            trace.Output(step.Reset(h, spike));
            trace.NextPart();
            trace.Output(default(Sigmoid).Value(trace.Input()));
        }
    }

    readonly struct SlopeFormula(NeuronStep<S> step) : IFormula
    {
        public void Write(FormulaTrace trace)
        {
            (Traced dx, Traced carry, Traced dw) = step.Differentiate(trace.Input(), trace.Input(), trace.Input(), trace.Input(), trace.Input());
            trace.Output(dx);
            trace.Output(carry);
            trace.Output(dw);
            trace.NextPart();
            trace.Output(default(Sigmoid).Value(trace.Input()));
            trace.NextPart();
            Traced h = trace.Input();
            trace.Output(step.Reset(h, step.Spike(h)));
        }
    }
}
