using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Taps;

/// <summary>One set of positions for several layers, and what checkpoints make of it.</summary>
public sealed class DclsSharingTests
{
    const int Channels = 3, Count = 4;

    static Dcls1d Layer(ParameterScope at, Dcls? owner = null) => new(at, Channels, Channels, Count, 7, padding: 3, options: new() { SharedWith = owner });

    static (Dcls[] Layers, ParameterStore Store) Build(bool shared, Device device, IReadOnlyDictionary<string, StoredTensor>? file = null, ulong seed = 0) => ParameterStore.Build(at =>
    {
        Dcls a = Layer(at["a"]);
        return new[] { a, Layer(at["b"], shared ? a : null) };
    }, device, DType.Float64, seed, file);

    static Dictionary<string, StoredTensor> Saved(ParameterStore store)
    {
        Safetensors file = new();
        store.Save(file);
        return new(file.Tensors);
    }

    [Fact]
    public void The_gradient_of_shared_positions_is_the_sum_over_the_layers()
    {
        using CpuDevice device = new(1);
        (Dcls[] shared, ParameterStore store) = Build(shared: true, device);
        using ParameterStore owner = store;
        (Dcls[] single, ParameterStore singles) = Build(shared: false, device, Saved(store));
        using ParameterStore owners = singles;
        Assert.Same(shared[0].Position, shared[1].Position);
        Assert.Same(shared[0].Sigma, shared[1].Sigma);
        Assert.Equal(4, store.Trainable.Count(static p => p.Name.EndsWith("weight", StringComparison.Ordinal) || ParameterGroups.IsPosition(p.Name)));
        Backward(shared);
        Backward(single);
        foreach ((Tensor one, Tensor a, Tensor b) in new[] { (shared[0].Position, single[0].Position, single[1].Position), (shared[0].Sigma!, single[0].Sigma!, single[1].Sigma!) })
            Agreement.Check([.. a.Gradient!.ToDoubles().Zip(b.Gradient!.ToDoubles(), static (u, v) => u + v)], one.Gradient!.ToDoubles(), DType.Float64, "sum");

        void Backward(Dcls[] layers)
        {
            using Step step = Step.Begin();
            RandomStream random = new(70, 0);
            Tensor x = Tensor.Lasting([2, 11, Channels], DType.Float64, device);
            x.WriteDoubles([.. Enumerable.Range(0, x.Count).Select(_ => random.NextNormal())]);
            Tensor y = layers[1].Forward(layers[0].Forward(x)), dy = Tensor.Like(y);
            dy.WriteDoubles([.. Enumerable.Range(0, dy.Count).Select(_ => random.NextNormal())]);
            y.Backward(dy);
        }
    }

    [Fact]
    public void Shared_positions_are_saved_under_every_name_and_load_back_as_one()
    {
        using CpuDevice device = new(1);
        (_, ParameterStore store) = Build(shared: true, device, seed: 5);
        using ParameterStore owner = store;
        Dictionary<string, StoredTensor> file = Saved(store);
        Assert.Equal(["a.P", "a.SIG", "a.bias", "a.weight", "b.P", "b.SIG", "b.bias", "b.weight"], file.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(file["a.P"].Bytes.ToArray(), file["b.P"].Bytes.ToArray());
        (Dcls[] layers, ParameterStore again) = Build(shared: true, device, file, seed: 6);
        using ParameterStore owners = again;
        Assert.Same(layers[0].Position, layers[1].Position);
        Dictionary<string, StoredTensor> back = Saved(again);
        Assert.All(file, t => Assert.Equal(t.Value.Bytes.ToArray(), back[t.Key].Bytes.ToArray()));
    }

    [Fact]
    public void A_file_whose_shared_positions_differ_or_are_missing_is_refused_by_name()
    {
        using CpuDevice device = new(1);
        (_, ParameterStore store) = Build(shared: true, device);
        using ParameterStore owner = store;
        Dictionary<string, StoredTensor> file = Saved(store);
        byte[] bytes = file["b.P"].Bytes.ToArray();
        bytes[^1] ^= 0x80;              // another sign of the last position
        file["b.P"] = file["b.P"] with { Bytes = bytes };
        file.Remove("b.SIG");
        string message = Assert.Throws<InvalidDataException>(() => Build(shared: true, device, file)).Message;
        Assert.Contains("b.P differs", message, StringComparison.Ordinal);
        Assert.Contains("missing b.SIG", message, StringComparison.Ordinal);
        Assert.DoesNotContain("a.P", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_shared_SIG_that_is_a_state_stays_one()
    {
        using CpuDevice device = new(1);
        (Dcls[] layers, ParameterStore store) = ParameterStore.Build(at =>
        {
            Dcls a = new Dcls1d(at["a"], 1, 1, 2, 5, options: new() { LearnSigma = false });
            return new[] { a, Layer1(at["b"], a) };
        }, device);
        using ParameterStore owner = store;
        Assert.All(layers, static d => Assert.False(d.LearnsSigma));
        Assert.DoesNotContain(store.Trainable, static p => p.Name.EndsWith("SIG", StringComparison.Ordinal));
        Assert.Same(store["a.SIG"], store["b.SIG"]);
        layers[1].SetSigma(1.25);
        Assert.All(layers[0].Sigma!.ToDoubles(), static s => Assert.Equal(1.25, s));
        Assert.Contains("a.SIG", Saved(store).Keys);

        static Dcls1d Layer1(ParameterScope at, Dcls owner) => new(at, 1, 1, 2, 5, options: new() { SharedWith = owner, LearnSigma = false });
    }

    [Fact]
    public void The_constants_in_official_files_of_Dcls2_1d_are_passed_over_and_those_of_others_are_not()
    {
        using CpuDevice device = new(1);
        (_, ParameterStore store) = ParameterStore.Build(static at => new Dcls2_1d(at["d"], 2, 2, 3, 2, 5), device);
        using ParameterStore owner = store;
        Dictionary<string, StoredTensor> file = Saved(store);
        file["d.DCK.IDX"] = file["d.DCK.lim"] = new("I64", [1], new byte[8]);
        (_, ParameterStore again) = ParameterStore.Build(static at => new Dcls2_1d(at["d"], 2, 2, 3, 2, 5), device, file: file);
        using ParameterStore owners = again;
        Assert.DoesNotContain(again.All, static p => p.Name.Contains("DCK", StringComparison.Ordinal));
        Dictionary<string, StoredTensor> other = new() { ["d.DCK.IDX"] = file["d.DCK.IDX"] };
        Assert.Contains("unexpected d.DCK.IDX", Assert.Throws<InvalidDataException>(() => ParameterStore.Build(static at => new Dcls3_1d(at["d"], 2, 2, 3, 2, 5), device, file: other)).Message,
            StringComparison.Ordinal);
    }

    /// <summary>A layer wider than all before it has its own set; any other uses that of the layer before.</summary>
    [Fact]
    public void The_factory_shares_positions_by_growing_width()
    {
        using CpuDevice device = new(1);
        Depthwise factory = Dcls.Official("gauss", 5, 3), own = Dcls.Official("gauss", 5, 3, shared: false);
        (ILayer[] layers, ParameterStore store) = Declare(factory, 4, 8, 8, 16, 16);
        using ParameterStore first = store;
        Tensor[] p = [.. layers.Cast<Dcls>().Select(static d => d.Position)];
        Assert.Equal(3, p.Distinct().Count());
        Assert.Same(p[1], p[2]);
        Assert.Same(p[3], p[4]);
        Assert.Equal(5, layers.Cast<Dcls2d>().Select(static d => d.Path).Distinct().Count());
        (ILayer[] others, ParameterStore second) = Declare(factory, 16, 16);
        using ParameterStore secondOwner = second;
        Assert.Same(((Dcls)others[0]).Position, ((Dcls)others[1]).Position);
        Assert.DoesNotContain(((Dcls)others[0]).Position, p);
        (ILayer[] each, ParameterStore third) = Declare(own, 8, 8);
        using ParameterStore thirdOwner = third;
        Assert.NotSame(((Dcls)each[0]).Position, ((Dcls)each[1]).Position);
        string message = Assert.Throws<TensorException>(() => Declare(factory, 8, 4)).Message;
        Assert.Contains("1: shares positions", message, StringComparison.Ordinal);

        (ILayer[], ParameterStore) Declare(Depthwise make, params int[] widths)
            => ParameterStore.Build(at => widths.Select((w, i) => make(at[i], w, 7, true, null, null)).ToArray(), device);
    }

    [Fact]
    public void The_factory_leaves_kernels_of_another_size_plain_where_told()
    {
        using CpuDevice device = new(1);
        Depthwise factory = Dcls.Official("v1", 9, 3, only: 7);
        (ILayer[] layers, ParameterStore store) = ParameterStore.Build(at => new[] { factory(at[0], 4, 3, true, null, null), factory(at[1], 4, 7, false, Inits.Ones, null) }, device);
        using ParameterStore owner = store;
        Assert.IsType<Conv2d>(layers[0]);
        Assert.Equal([3, 3, 1, 4], store["0.weight"].Shape.Dims.ToArray());
        Dcls2d replaced = Assert.IsType<Dcls2d>(layers[1]);
        Assert.Equal([9, 9], replaced.DilatedKernelSize);
        Assert.Equal(Convention.Centered, replaced.Convention);
        Assert.All(store["1.weight"].ToDoubles(), static w => Assert.Equal(1, w));
        Assert.DoesNotContain(store.All, static p => p.Name == "1.bias");
        using Step step = Step.Begin();
        Assert.Equal([1, 6, 5, 4], replaced.Forward(Tensor.Zeros([1, 6, 5, 4], device: device)).Shape.Dims.ToArray());
    }
}
