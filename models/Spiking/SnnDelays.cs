using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>What becomes of the delays of a spiking network.</summary>
public enum DelayKind
{
    /// <summary>They are learned.</summary>
    Learned,

    /// <summary>They stay where they start, at random.</summary>
    Fixed,

    /// <summary>There are none: plain linear layers.</summary>
    None,

    /// <summary>There are none, and hidden neurons hear those of their own layer a step later (<see cref="RecurrentLif"/>).</summary>
    Recurrent,
}

/// <summary>Sizes and neurons of <see cref="SnnDelays"/>; the values given here are the official ones for SHD.</summary>
public sealed record SnnOptions
{
    /// <summary>Input channels.</summary>
    public int Inputs { get; init; } = 140;

    /// <summary>Neurons of each hidden layer.</summary>
    public int[] Hidden { get; init; } = [256, 256];

    /// <summary>Output neurons.</summary>
    public int Classes { get; init; } = 20;

    /// <summary>What becomes of the delays.</summary>
    public DelayKind Delays { get; init; }

    /// <summary>Taps of a synapse.</summary>
    public int KernelCount { get; init; } = 1;

    /// <summary>Steps of the window of delays, odd.</summary>
    public int MaxDelay { get; init; } = 25;

    /// <summary>Time constant of the neurons in steps.</summary>
    public double Tau { get; init; } = 1.005;

    /// <summary>Whether each layer of neurons learns its own time constant (PLIF), starting from Tau.</summary>
    public bool LearnTau { get; init; }

    /// <summary>Slope parameter of the neurons' surrogate, ATan.</summary>
    public double Alpha { get; init; } = 5;

    /// <summary>Batch normalisation of the hidden layers' currents, over time and batch.</summary>
    public bool BatchNorm { get; init; } = true;

    /// <summary>Biases of the layers.</summary>
    public bool Bias { get; init; }

    /// <summary>Share of the hidden neurons whose spikes are dropped, the same for all steps of a sequence.</summary>
    public double Dropout { get; init; } = 0.4;

    /// <summary>Time constant of the synapses that follow the hidden neurons (<see cref="SynapseFilter"/>); null for none.</summary>
    public double? SynapseTau { get; init; }

    /// <summary>Whether the synapses learn it.</summary>
    public bool LearnSynapseTau { get; init; }

    /// <summary>Share of the connections that are cut for good, at random.</summary>
    public double Sparsity { get; init; }

    /// <summary>What the output neurons are turned into logits by.</summary>
    public ReadOut ReadOut { get; init; }

    /// <summary>SIG of the taps at the start: where delays are learned half the window, to be lowered by a <see cref="SigmaSchedule"/>; where they are fixed its floor.</summary>
    public double Sigma => Delays == DelayKind.Learned ? MaxDelay / 2 : 0.23;

    /// <summary>Whether delays are rounded to whole steps when the network is evaluated.</summary>
    public bool Rounded { get; init; } = true;
}

/// <summary>
/// Feed-forward spiking network whose synapses have learned delays, x [batch, time, in] to logits [batch, classes]: for each hidden layer delays, batch norm, neurons, dropout (and
/// synapses), then delays and output neurons, whose membranes are read out. A layer's currents last (MaxDelay − 1) / 2 steps longer than its input. Names and file order are those of
/// the official package, "model.0" and so on. Source: Hammouamri et al., arXiv 2306.17670.
/// </summary>
public sealed class SnnDelays : ISpiking
{
    readonly SnnOptions options;
    readonly Stage[] stages;
    readonly DclsLayers dcls = new();
    readonly List<DelayLayer> delays = [];

    /// <summary>Neurons with what comes before and after them: connections, of a <see cref="DelayLayer"/> or a <see cref="Linear"/>, batch norm, dropout and synapses.</summary>
    internal sealed record Stage(ILayer Connections, BatchNorm? Norm, INeurons Neurons, Func<Tensor, Tensor> After);

    /// <summary>Declares the network.</summary>
    public SnnDelays(ParameterScope at, SnnOptions options)
    {
        this.options = options;
        int layers = options.Hidden.Length, number = 0;
        if (layers < 1) throw new ArgumentException("a spiking network has at least one hidden layer");
        stages = new Stage[layers + 1];
        ParameterScope Next() => at["model"][number++];
        for (int i = 0, inputs = options.Inputs; i <= layers; i++)
        {
            int outputs = i < layers ? options.Hidden[i] : options.Classes;
            ILayer connections = Connections(Next(), inputs, outputs);
            BatchNorm? norm = options.BatchNorm && i < layers ? new(Next(), outputs) : null;
            INeurons neurons = Neurons(Next(), outputs, isHidden: i < layers);
            stages[i] = new(connections, norm, neurons, i < layers ? After(Next(), options.SynapseTau is null ? null : Next()) : static spikes => spikes);
            inputs = outputs;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<DelayLayer> Delays => delays;

    /// <summary>What the network was declared with.</summary>
    internal SnnOptions Options => options;

    /// <summary>The layers of neurons, in order.</summary>
    internal IReadOnlyList<Stage> Stages => stages;

    /// <inheritdoc/>
    public Tensor Forward(Tensor x)
    {
        Expect.That(x.Shape.Rank == 3 && x.Shape[2] == options.Inputs, $"x must be [batch, time, {options.Inputs}]", x);
        (IReadOnlyList<Tensor> spikes, Tensor membrane) = Simulate(x.Permute(1, 0, 2));
        return options.ReadOut.Logits(spikes[^1], membrane);
    }

    /// <inheritdoc/>
    public (IReadOnlyList<Tensor> Spikes, Tensor Membrane) Simulate(Tensor x)
    {
        using DclsLayers.Drawn kernels = Tape.Recording || !options.Rounded ? dcls.Draw() : default;
        List<Tensor> spikes = [];
        Tensor? membrane = null;
        foreach (Stage stage in stages)
        {
            Tensor current = stage.Connections.Forward(x);
            (Tensor fired, membrane) = stage.Neurons.Forward(stage.Norm?.Forward(current) ?? current);
            spikes.Add(fired);
            x = stage.After(fired);
        }
        return (spikes, membrane!);
    }

    /// <summary>Weights by Kaiming's rule for ReLU, U(±√(6 / fan in)); delays uniform, as the official code draws them.</summary>
    ILayer Connections(ParameterScope at, int inputs, int outputs)
    {
        if (options.Delays is DelayKind.None or DelayKind.Recurrent) return new Linear(at, inputs, outputs, options.Bias, Kaiming(inputs));
        int half = options.MaxDelay / 2;
        DelayLayer layer = new(at, inputs, outputs, options.KernelCount, options.MaxDelay, options.Bias, options.Rounded, new()
        {
            WeightInit = Kaiming(inputs * options.KernelCount), PositionInit = Inits.Uniform(-half - 1, half), SigmaInit = Inits.Constant(options.Sigma), LearnSigma = false,
            LearnPosition = options.Delays == DelayKind.Learned, Sparsity = options.Sparsity, Convention = Convention.Official,
        });
        dcls.Add(layer.Taps);
        delays.Add(layer);
        return layer;
    }

    static Init Kaiming(int fanIn) => Inits.Uniform(-Math.Sqrt(6.0 / fanIn), Math.Sqrt(6.0 / fanIn));

    INeurons Neurons(ParameterScope at, int count, bool isHidden)
    {
        double threshold = isHidden ? 1 : options.ReadOut.Threshold;
        NeuronOptions neuron = new() { Tau = options.Tau, Threshold = threshold, Surrogate = Surrogate.Atan(options.Alpha) };
        if (isHidden && options.Delays == DelayKind.Recurrent)
            return options.LearnTau ? throw new ArgumentException("recurrent neurons have a given time constant; leave LearnTau out") : new RecurrentLif(at, count, neuron);
        return options.LearnTau ? new Plif(at, neuron) : new Lif(at, neuron);
    }

    Func<Tensor, Tensor> After(ParameterScope at, ParameterScope? synapse)
    {
        SequenceDropout dropout = new(at, options.Dropout);
        if (synapse is not { } s) return dropout.Forward;
        SynapseFilter filter = new(s, options.SynapseTau!.Value, options.LearnSynapseTau);
        return spikes => filter.Forward(dropout.Forward(spikes));
    }
}
