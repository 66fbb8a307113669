using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Parity;

/// <summary>The official spiking networks with learned delays.</summary>
public sealed class SnnDelaysGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All => [("snn-delays", Network), ("snn-train-steps", TrainSteps)];

    static SnnOptions Options(GoldenCase c) => new()
    {
        Inputs = c.Int("n_inputs"), Hidden = [.. Enumerable.Repeat(c.Int("n_hidden_neurons"), c.Int("n_hidden_layers"))], Classes = c.Int("n_outputs"), MaxDelay = c.Int("max_delay"),
        KernelCount = c.Int("kernel_count"), Tau = c.Number("init_tau"), Alpha = c.Number("alpha"), BatchNorm = c.Flag("use_batchnorm"), Bias = c.Flag("bias"), Dropout = c.Number("dropout_p"),
        LearnTau = c.Text("spiking_neuron_type") switch { "lif" => false, "plif" => true, _ => throw c.Unknown("spiking_neuron_type") },
        SynapseTau = c.Has("stateful_synapse") && c.Flag("stateful_synapse") ? c.Number("stateful_synapse_tau") : null, LearnSynapseTau = c.Has("stateful_synapse_learnable") && c.Flag("stateful_synapse_learnable"),
        ReadOut = c.Text("loss") == "sum" ? ReadOut.Sum : throw c.Unknown("loss"), Rounded = c.Has("rounded") && c.Flag("rounded"),
    };

    static Dictionary<string, StoredTensor> State(GoldenCase c)
    {
        Dictionary<string, StoredTensor> state = ModelGolden.State(c);
        foreach (string name in c.Tensors.Where(static n => n.EndsWith("num_batches_tracked", StringComparison.Ordinal))) c.Stored(name);        // counts the steps of no one's interest
        return state;
    }

    static void Network(GoldenCase c)
    {
        c.Tolerance32 = 1e-3;
        (SnnDelays model, ParameterStore store) = ParameterStore.Build(at => new SnnDelays(at, Options(c)), c.Device, c.Type, file: State(c));
        using ParameterStore owner = store;
        string mode = c.Text("mode");
        store.Statistics = mode switch { "train" => null, "bn-eval" or "eval" => Statistics.Running, _ => throw c.Unknown("mode") };
        if (mode == "eval")
        {
            using Tape.Pause pause = Tape.Paused();
            Forward(c, model);
        }
        else Forward(c, model).Backward();
        foreach ((string name, Tensor parameter) in store.Trainable)
            if (c.HasTensor("grad." + name)) c.Check("grad." + name, store.ToFile(name, parameter.Gradient!).ToDoubles());
        CheckStates(c, store, "after");
        foreach (DelayLayer layer in model.Delays)
        {
            string name = $"rounded.{layer.Taps.Path}.P";
            if (!c.HasTensor(name)) continue;
            layer.Taps.Round();
            c.Check(name, store.ToFile(layer.Taps.Path + ".P", layer.Taps.Position).ToDoubles());
        }
    }

    static Tensor Forward(GoldenCase c, SnnDelays model)
    {
        (IReadOnlyList<Tensor> spikes, Tensor membrane) = model.Simulate(c.Constant("x"));
        Tensor logits = ReadOut.Sum.Logits(spikes[^1], membrane), loss = CrossEntropy.Of(logits, c.Indices("y"));
        for (int i = 0; i < c.Int("n_hidden_layers"); i++) c.CheckExact($"spikes.{i}", spikes[i]);
        c.Check("out", membrane);
        c.Check("m", logits);
        c.Check("loss", loss);
        return loss;
    }

    static void TrainSteps(GoldenCase c)
    {
        c.Tolerance32 = 1e-3;
        (SnnDelays model, ParameterStore store) = ParameterStore.Build(at => new SnnDelays(at, Options(c)), c.Device, c.Type, file: State(c));
        using ParameterStore owner = store;
        const double rate = 0.002, decay = 1e-5;            // as the metadata's text says, with 100 times the rate for positions
        using Adam optimizer = new(store.Trainable, rate, weightDecay: decay, groups: ParameterGroups.Dcls(100));
        Tensor x = c.Constant("x"), y = c.Indices("y");
        double[] losses = new double[c.Int("steps")];
        for (int i = 0; i < losses.Length; i++)
        {
            using Step step = Step.Begin();
            (IReadOnlyList<Tensor> spikes, Tensor membrane) = model.Simulate(x.Slice(0, i, 1).Reshape(x.Shape.Dims[1..]));
            Tensor loss = CrossEntropy.Of(ReadOut.Sum.Logits(spikes[^1], membrane), y.Slice(0, i, 1).Reshape(-1));
            losses[i] = loss.Item();
            loss.Backward();
            optimizer.Update();
            store.Constrain();
            if (i == 0) CheckStates(c, store, "step1");
        }
        c.Check("losses", losses);
        CheckStates(c, store, "final");
    }

    static void CheckStates(GoldenCase c, ParameterStore store, string prefix)
    {
        foreach ((string name, Tensor value) in store.All)
            if (c.HasTensor($"{prefix}.{name}")) c.Check($"{prefix}.{name}", store.ToFile(name, value).ToDoubles());
    }
}
