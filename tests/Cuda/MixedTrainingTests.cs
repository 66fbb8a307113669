using MiniTorch.Models;
using MiniTorch.Ops;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.Cuda;

/// <summary>Training with mixed batches: on a GPU as on the CPU, and with its steps repeated as a graph bit for bit as without.</summary>
public sealed class MixedTrainingTests
{
    sealed class Net(ParameterScope at) : ILayer
    {
        readonly Linear first = new(at["first"], SmallIdx.Side * SmallIdx.Side, 16), last = new(at["last"], 16, 4);

        public Tensor Forward(Tensor x) => last.Forward(first.Forward<Gelu>(x.Reshape([x.Shape[0], SmallIdx.Side * SmallIdx.Side])));
    }

    static (double[] Losses, float[] Weights) Train(Device device, bool? graph)
    {
        TrainingOptions options = new()
        {
            Epochs = 2, Batch = 4, Rate = 1e-2, Seed = 5, EmaDecay = 0.9, LabelSmoothing = 0.1, HoldBackEvery = 0, Augment = new(Shift: 1, Flip: true, Erasing: new(0.5), Mixing: new(Probability: 0.7)), Graph = graph, Workers = 2,
        };
        (ILayer model, ParameterStore store) = ParameterStore.Build(static at => new Net(at), device, seed: 5);
        using ParameterStore owner = store;
        using Trainer trainer = new(model, store, SmallIdx.Array(30), options);
        List<double> losses = [];
        trainer.Run(p => losses.Add(p.Finished?.TrainLoss ?? 0), TestContext.Current.CancellationToken);
        return ([.. losses.Where(static l => l > 0)], [.. store.Trainable.SelectMany(static p => p.Tensor.ToArray<float>())]);
    }

    [Fact]
    public void Repeated_as_a_graph_it_is_the_same_bit_for_bit_and_follows_the_cpu()
    {
        using CpuDevice cpu = new(1);
        using CudaDevice gpu = CudaDevice.Emulated(), other = CudaDevice.Emulated();
        (double[] expected, _) = Train(cpu, null);
        (double[] plain, float[] weights) = Train(gpu, graph: false);
        (double[] captured, float[] same) = Train(other, graph: true);
        Assert.Equal(2, expected.Length);
        Assert.Equal(expected[0], plain[0], 1e-4);
        Assert.Equal(expected[1], plain[1], 1e-4);
        Assert.Equal(plain, captured);
        Assert.Equal(weights, same);
    }
}
