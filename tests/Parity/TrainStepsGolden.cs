using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Parity;

/// <summary>A few steps of the official ConvNeXt-dcls training: two losses, three parameter groups, positions clamped after each step.</summary>
public sealed class TrainStepsGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All => [("convnext-dcls-train-steps ConvNeXt_dcls", Check)];

    static void Check(GoldenCase c)
    {
        if (c.Text("optimizer") != "AdamW betas 0.9/0.999 eps 1e-8") throw c.Unknown("optimizer");
        c.Tolerance32 = 1e-3;
        (ConvNeXt model, ParameterStore store) = ParameterStore.Build(at => ConvNeXtGolden.Build(c, at), c.Device, c.Type, file: ModelGolden.State(c));
        using ParameterStore owner = store;
        double[] rates = [.. c.Json("lr_per_step").EnumerateArray().Select(static r => r.GetDouble())];
        ILayer network = c.Network(model, store);
        using AdamW optimizer = new(store.Trainable, rates[0], weightDecay: c.Number("weight_decay"), groups: ParameterGroups.Dcls());
        Tensor images = c.Constant("x", new(static _ => [0, 1, 3, 4, 2])), labels = c.Indices("y");
        double[] fit = new double[rates.Length], repulsion = new double[rates.Length];
        for (int i = 0; i < rates.Length; i++)
        {
            using Step step = Step.Begin();
            Tensor logits = network.Forward(images.Slice(0, i, 1).Reshape(images.Shape.Dims[1..]));
            Tensor fitLoss = CrossEntropy.Of(logits, labels.Slice(0, i, 1).Reshape(-1), c.Number("label_smoothing"));
            Tensor repulsionLoss = Repulsion.Of([.. store.Constrained.Cast<Dcls>().Select(static d => d.Position)]);
            (fit[i], repulsion[i]) = (fitLoss.Item(), repulsionLoss.Item());
            (fitLoss + repulsionLoss * repulsionLoss).Backward();
            optimizer.Rate = rates[i];
            optimizer.Update();
            store.Constrain();
        }
        c.Check("loss_fit", fit);
        c.Check("loss_rep", repulsion);
        foreach ((string name, Tensor parameter) in store.Trainable) c.Check("final." + name, store.ToFile(name, parameter).ToDoubles());
    }
}
