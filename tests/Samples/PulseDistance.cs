using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Samples;

/// <summary>
/// An own model on own arrays: sequences hold two pulses, four or nine samples apart, in noise; which of the two is the class. One DCLS layer whose taps move to where
/// the second pulse is, a mean, a linear read-out.
/// </summary>
public static class PulseDistance
{
    sealed class Net : ILayer
    {
        readonly Dcls1d taps;
        readonly Linear head;

        public Net(ParameterScope at)
        {
            taps = new(at["taps"], inputs: 1, outputs: 8, kernelCount: 3, dilatedKernelSize: 21, padding: 10, version: Interpolation.Gauss,
                options: new() { PositionInit = Inits.Uniform(-10, 10), SigmaInit = Inits.Constant(1) });
            head = new(at["head"], 8, 2);
        }

        public Tensor Forward(Tensor x) => head.Forward(taps.Forward(x).SquaredRelu().Mean([1]));
    }

    static ArrayDataset Sequences(int count, uint stream)
    {
        const int Length = 64;
        RandomStream random = new(seed: 1, stream);
        float[] values = new float[count * Length];
        int[] labels = new int[count];
        for (int i = 0; i < count; i++)
        {
            labels[i] = i % 2;
            int first = random.NextInt(Length - 10);
            for (int t = 0; t < Length; t++) values[i * Length + t] = (float)(0.1 * random.NextNormal());
            values[i * Length + first] += 1;
            values[i * Length + first + (labels[i] == 0 ? 4 : 9)] += 1;
        }
        return new(values, labels, [Length, 1], ["4 apart", "9 apart"]);
    }

    /// <summary>Trains and returns the accuracy on sequences it has not seen.</summary>
    public static double Run(Device device)
    {
        (Net net, ParameterStore store) = ParameterStore.Build(static at => new Net(at), device);
        using ParameterStore parameters = store;
        TrainingOptions options = new() { Epochs = 12, Batch = 32, Rate = 2e-2, PositionRateScale = 5, WeightDecay = 0 };
        using Trainer trainer = new(net, store, Sequences(1000, stream: 1), options, test: Sequences(400, stream: 2));
        return trainer.Run().Last!.TestAccuracy!.Value;
    }
}
