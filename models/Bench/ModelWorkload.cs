namespace MiniTorch.Models.Bench;

/// <summary>
/// ConvNeXt-T on a batch "8x224x224x3", trained by AdamW. Parameters are random throughout (biases not 0, layer scale 1, taps spread over the window), so that nothing hides behind
/// an initial value; there is no drop path, so that a step has one result.
/// </summary>
sealed class ModelWorkload : LearningWorkload
{
    const double Rate = 1e-4, Decay = 0.05, Deviation = 0.02;

    internal ModelWorkload(Device device, Sizes s, DclsKernels? kernels, bool training)
        : base(device, ParameterStore.Build<ILayer>(at => new ConvNeXt(at, new() { LayerScale = 1 }, kernels?.Factory()), device), [.. Enumerable.Range(0, s.Extents()[0]).Select(static i => 97 * i % 1000)],
            Rate, Decay, training ? static store => new AdamW(store.Trainable, Rate, weightDecay: Decay, groups: ParameterGroups.Dcls()) : null)
    {
        uint stream = 1000;
        foreach ((string name, Tensor x) in Store.Trainable)
            if (name.EndsWith(".bias", StringComparison.Ordinal)) Fill(x, new(2, stream++), static random => Deviation * random.NextNormal());
        foreach (Dcls layer in Store.Constrained.OfType<Dcls>())
            Fill(layer.Position, new(2, stream++), random => layer.HalfWindow[0] * (2 * random.NextDouble() - 1));
        Input = Normal("images", Shape.Create(s.Extents()));
    }

    protected override Tensor Input { get; }

    static void Fill(Tensor x, RandomStream random, Func<RandomStream, double> draw)
    {
        float[] values = new float[x.Count];
        for (int i = 0; i < values.Length; i++) values[i] = (float)draw(random);
        x.Write<float>(values);
    }
}
