using MiniTorch.Models;

namespace MiniTorch.Tests.Taps;

/// <summary>Stored models with their depthwise convolutions replaced, there and back.</summary>
public sealed class DclsReplacementTests
{
    const int Window = 5;
    static readonly ConvNeXtOptions sizes = new() { Depths = [1, 2], Dims = [4, 6], Classes = 3, InputChannels = 1, Stem = [2, 2], LayerScale = 0.5 };

    static Dictionary<string, StoredTensor> Checkpoint(Device device, Depthwise? depthwise, ulong seed)
    {
        (_, ParameterStore store) = ParameterStore.Build(at => new ConvNeXt(at, sizes, depthwise), device, seed: seed);
        using ParameterStore owner = store;
        Safetensors file = new();
        store.Save(file);
        return new(file.Tensors);
    }

    static double[] Logits(Device device, ConvNeXtOptions options, Depthwise? depthwise, IReadOnlyDictionary<string, StoredTensor> file)
    {
        (ConvNeXt model, ParameterStore store) = ParameterStore.Build(at => new ConvNeXt(at, options, depthwise), device, file: file);
        using ParameterStore owner = store;
        using Step step = Step.Begin();
        RandomStream random = new(80, 0);
        return model.Forward(Tensor.Of([.. Enumerable.Range(0, 2 * 12 * 12).Select(_ => (float)random.NextNormal())], [2, 12, 12, 1], device)).ToDoubles();
    }

    static bool Replaced(string name) => name.Contains("dwconv", StringComparison.Ordinal);

    [Fact]
    public void Converted_a_plain_checkpoint_keeps_every_other_tensor_to_the_bit_and_loads()
    {
        using CpuDevice device = new(1);
        Dictionary<string, StoredTensor> plain = Checkpoint(device, null, seed: 3);
        Depthwise dcls = Dcls.Official("gauss", Window, 3);
        Dictionary<string, StoredTensor> converted = Dcls.Convert(plain, static (at, d) => new ConvNeXt(at, sizes, d), dcls, seed: 9);
        Assert.Equal(plain.Keys.Where(static n => !Replaced(n)).Order(StringComparer.Ordinal), converted.Keys.Where(static n => !Replaced(n)).Order(StringComparer.Ordinal));
        Assert.All(plain.Where(static t => !Replaced(t.Key)), t => Assert.Equal(t.Value.Bytes.ToArray(), converted[t.Key].Bytes.ToArray()));
        Assert.Equal([6, 1, 3], converted["stages.1.1.dwconv.weight"].Shape.Dims.ToArray());
        Assert.Equal([2, 6, 1, 3], converted["stages.1.1.dwconv.P"].Shape.Dims.ToArray());
        Assert.Equal(converted["stages.1.0.dwconv.P"].Bytes.ToArray(), converted["stages.1.1.dwconv.P"].Bytes.ToArray());
        Dictionary<string, StoredTensor> fresh = Checkpoint(device, dcls, seed: 9);
        Assert.All(fresh.Where(static t => Replaced(t.Key)), t => Assert.Equal(t.Value.Bytes.ToArray(), converted[t.Key].Bytes.ToArray()));
        Assert.All(Logits(device, sizes, dcls, converted), static v => Assert.True(double.IsFinite(v)));
    }

    [Fact]
    public void A_checkpoint_that_does_not_fit_the_converted_model_is_refused_with_every_name()
    {
        using CpuDevice device = new(1);
        Dictionary<string, StoredTensor> wrong = Checkpoint(device, null, seed: 3);
        wrong.Remove("head.bias");
        wrong["norm.weight"] = StoredTensor.Of(Tensor.Of([1f, 2f], [2]));
        wrong["stages.2.0.dwconv.weight"] = wrong["stages.1.0.dwconv.weight"];
        string message = Assert.Throws<InvalidDataException>(() => Dcls.Convert(wrong, static (at, d) => new ConvNeXt(at, sizes, d), Dcls.Official("v1", Window, 3))).Message;
        Assert.Contains("missing head.bias", message, StringComparison.Ordinal);
        Assert.Contains("norm.weight has shape [2], [6] was expected", message, StringComparison.Ordinal);
        Assert.Contains("unexpected stages.2.0.dwconv.weight", message, StringComparison.Ordinal);
        Assert.DoesNotContain("stages.1", message, StringComparison.Ordinal);
        Dictionary<string, StoredTensor> plain = Checkpoint(device, null, seed: 3);
        Assert.Contains("no layer of the model is replaced",
            Assert.Throws<InvalidDataException>(() => Dcls.Convert(plain, static (at, d) => new ConvNeXt(at, sizes, d), Dcls.Official("v1", Window, 3, only: 3))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("v0")]
    [InlineData("v1")]
    [InlineData("max")]
    [InlineData("gauss")]
    public void Baked_a_checkpoint_is_a_plain_model_with_a_large_kernel_and_the_same_logits(string version)
    {
        using CpuDevice device = new(2);
        Depthwise dcls = Dcls.Official(version, Window, 4);
        Dictionary<string, StoredTensor> trained = Checkpoint(device, dcls, seed: 4);
        Dictionary<string, StoredTensor> baked = Dcls.Bake(trained, static (at, d) => new ConvNeXt(at, sizes, d), dcls);
        Assert.DoesNotContain(baked.Keys, ParameterGroups.IsPosition);
        Assert.Equal([6, 1, Window, Window], baked["stages.1.0.dwconv.weight"].Shape.Dims.ToArray());
        Assert.All(trained.Where(static t => !Replaced(t.Key)), t => Assert.Equal(t.Value.Bytes.ToArray(), baked[t.Key].Bytes.ToArray()));
        Assert.Equal(Logits(device, sizes, dcls, trained), Logits(device, sizes with { KernelSize = Window }, null, baked));
    }

    [Fact]
    public void A_plain_checkpoint_is_not_baked_but_refused_by_name()
    {
        using CpuDevice device = new(1);
        Dictionary<string, StoredTensor> plain = Checkpoint(device, null, seed: 3);
        string message = Assert.Throws<InvalidDataException>(() => Dcls.Bake(plain, static (at, d) => new ConvNeXt(at, sizes, d), Dcls.Official("v1", Window, 3))).Message;
        Assert.Contains("missing stages.0.0.dwconv.P", message, StringComparison.Ordinal);
    }
}
