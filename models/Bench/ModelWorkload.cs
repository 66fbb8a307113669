using System.Globalization;

namespace MiniTorch.Models.Bench;

/// <summary>
/// ConvNeXt-T on a batch "8x224x224x3": its logits, or a training step (forward, cross-entropy, backward, AdamW, positions clamped). Parameters are random throughout
/// (biases not 0, layer scale 1, taps spread over the window), so that nothing hides behind an initial value; there is no drop path, so that a step has one result.
/// </summary>
sealed class ModelWorkload : Workload
{
    const double Rate = 1e-4, Decay = 0.05, Deviation = 0.02;

    readonly ConvNeXt model;
    readonly ParameterStore store;
    readonly AdamW? optimizer;
    readonly Tensor images, labels;

    internal ModelWorkload(Device device, Sizes s, DclsKernels? kernels, bool training) : base(device)
    {
        int[] extents = s.Extents();
        (model, store) = ParameterStore.Build(at => new ConvNeXt(at, new() { LayerScale = 1 }, kernels?.Factory()), device);
        uint stream = 1000;
        foreach ((string name, Tensor x) in store.Trainable)
            if (name.EndsWith(".bias", StringComparison.Ordinal)) Fill(x, new(2, stream++), static random => Deviation * random.NextNormal());
        foreach (Dcls layer in store.Constrained.OfType<Dcls>())
            Fill(layer.Position, new(2, stream++), random => layer.HalfWindow[0] * (2 * random.NextDouble() - 1));
        images = Normal("images", Shape.Create(extents));
        labels = Tensor.Lasting([extents[0]], DType.Int32, device);
        labels.Write<int>([.. Enumerable.Range(0, extents[0]).Select(static i => 97 * i % 1000)]);
        if (training) optimizer = new(store.Trainable, Rate, weightDecay: Decay, groups: ParameterGroups.Dcls());
    }

    internal override void Run()
    {
        using Step step = Step.Begin();
        if (optimizer is null)
        {
            using Tape.Pause pause = Tape.Paused();
            Result("logits", model.Forward(images));
            return;
        }
        Tensor loss = Ops.CrossEntropy.Of(model.Forward(images), labels);
        Result("loss", loss);
        loss.Backward();
        optimizer.Update();
        store.Constrain();
    }

    /// <summary>Images, labels and every parameter, as checkpoints name and order them, and the settings of the optimizer.</summary>
    internal override Safetensors Operands()
    {
        Safetensors file = base.Operands();
        file.Tensors["labels"] = StoredTensor.Of(labels);
        store.Save(file);
        file.Metadata["rate"] = Rate.ToString(CultureInfo.InvariantCulture);
        file.Metadata["decay"] = Decay.ToString(CultureInfo.InvariantCulture);
        return file;
    }

    /// <summary>The logits; or the loss, every gradient, and every parameter after the step.</summary>
    internal override Safetensors Results(Action done)
    {
        Safetensors file = base.Results(done);
        if (optimizer is null) return file;
        foreach ((string name, Tensor x) in store.Trainable)
        {
            file.Tensors["d " + name] = store.ToFile(name, x.Gradient!);
            file.Tensors["new " + name] = store.ToFile(name, x);
        }
        return file;
    }

    public override void Dispose()
    {
        base.Dispose();
        labels.Free();
        optimizer?.Dispose();
        store.Dispose();
    }

    static void Fill(Tensor x, RandomStream random, Func<RandomStream, double> draw)
    {
        float[] values = new float[x.Count];
        for (int i = 0; i < values.Length; i++) values[i] = (float)draw(random);
        x.Write<float>(values);
    }
}
