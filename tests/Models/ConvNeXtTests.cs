using MiniTorch.Models;

namespace MiniTorch.Tests.Models;

public sealed class ConvNeXtTests
{
    [Fact]
    public void A_checkpoint_that_does_not_fit_names_everything_that_is_wrong_at_once()
    {
        ConvNeXtOptions options = new() { Depths = [1], Dims = [4], Classes = 3, InputChannels = 1 };
        using CpuDevice device = new(1);
        Safetensors file = new();
        (_, ParameterStore store) = ParameterStore.Build(at => new ConvNeXt(at, options), device);
        using (store) store.Save(file);
        Dictionary<string, StoredTensor> wrong = new(file.Tensors);
        wrong.Remove("head.bias");
        wrong["norm.weight"] = StoredTensor.Of(Tensor.Of([1f, 2f], [2]));
        wrong["head.extra"] = wrong["norm.weight"];
        string message = Assert.Throws<InvalidDataException>(() => ParameterStore.Build(at => new ConvNeXt(at, options), device, file: wrong)).Message;
        Assert.Contains("missing head.bias", message, StringComparison.Ordinal);
        Assert.Contains("norm.weight has shape [2], [4] was expected", message, StringComparison.Ordinal);
        Assert.Contains("unexpected head.extra", message, StringComparison.Ordinal);
        (_, ParameterStore again) = ParameterStore.Build(at => new ConvNeXt(at, options), device, seed: 9, file: file.Tensors);
        using ParameterStore owner = again;
        Safetensors back = new();
        again.Save(back);
        Assert.All(file.Tensors, t => Assert.Equal(t.Value.Bytes.ToArray(), back.Tensors[t.Key].Bytes.ToArray()));
    }

    [Fact]
    public void Positions_stay_inside_their_window_and_blocks_of_a_stage_share_them()
    {
        using CpuDevice device = new(1);
        ConvNeXtOptions sizes = new() { Depths = [2, 1], Dims = [4, 6], Classes = 3, InputChannels = 1 };
        (_, ParameterStore store) = ParameterStore.Build(at => new ConvNeXt(at, sizes, Dcls.Official("v1", 5, 3)), device);
        using ParameterStore owner = store;
        Assert.Equal(["stages.0.0.dwconv", "stages.1.0.dwconv"], store.Constrained.Cast<Dcls>().Select(static d => d.Path));
        Assert.Same(store["stages.0.0.dwconv.P"], store["stages.0.1.dwconv.P"]);
        Assert.NotSame(store["stages.0.0.dwconv.P"], store["stages.1.0.dwconv.P"]);
        Tensor position = store["stages.0.0.dwconv.P"];
        position.WriteDoubles([.. Enumerable.Range(0, position.Count).Select(static i => i - 10.0)]);
        store.Constrain();
        Assert.All(position.ToDoubles(), static p => Assert.InRange(p, -2, 2));
    }
}
