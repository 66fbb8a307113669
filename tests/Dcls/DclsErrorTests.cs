using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Taps;

/// <summary>Misuse stops when the layer is declared, and the message names the layer and what to do.</summary>
public sealed class DclsErrorTests
{
    static string Refused(Func<ParameterScope, object> declare)
    {
        using CpuDevice device = new(1);
        return Assert.Throws<TensorException>(() => ParameterStore.Build(declare, device)).Message;
    }

    [Fact]
    public void Channels_that_do_not_divide_into_the_groups()
    {
        Assert.Equal("Dcls2d: 3 inputs and 4 outputs must be multiples of 2 groups", Refused(static at => new Dcls2d(at, 3, 4, 2, 5, groups: 2)));
        Assert.StartsWith("Dcls1d: ", Refused(static at => new Dcls1d(at, 4, 3, 2, 5, groups: 2)));
        Assert.StartsWith("Dcls3d: ", Refused(static at => new Dcls3d(at, 4, 4, 2, 5, groups: 0)));
        Assert.StartsWith("Dcls3_1d: ", Refused(static at => new Dcls3_1d(at, 0, 4, 2, 3, 5)));
        Assert.StartsWith("Dcls2dK1d: ", Refused(static at => new Dcls2dK1d(at, 4, 0, 2, 5)));
    }

    [Fact]
    public void Kernels_without_elements_or_size()
    {
        Assert.Equal("Dcls2d: a kernel needs at least one element, got a kernel count of 0", Refused(static at => new Dcls2d(at, 1, 1, 0, 5)));
        Assert.Contains("[5, 0]", Refused(static at => new Dcls2d(at, 1, 1, 1, [5, 0])), StringComparison.Ordinal);
        Assert.StartsWith("Dcls2_1d: a kernel size is at least 1", Refused(static at => new Dcls2_1d(at, 1, 1, 1, 0, 5)));
        Assert.Contains("dilatedKernelSize has one number or 2", Refused(static at => new Dcls2d(at, 1, 1, 1, [3, 5, 7])), StringComparison.Ordinal);
    }

    [Fact]
    public void A_flat_dimension_that_there_is_not()
        => Assert.Equal("Dcls2dK1d: flatDim is 0 (s×1) or 1 (1×s), got 2", Refused(static at => new Dcls2dK1d(at, 1, 1, 1, 5, flatDim: 2)));

    public static TheoryData<string> Misfits => ["version", "size", "count", "channels", "dense", "convention"];

    [Theory, MemberData(nameof(Misfits))]
    public void Positions_shared_with_a_layer_of_another_form(string misfit)
    {
        string message = Refused(at =>
        {
            DclsOptions options = new() { SharedWith = new Dcls2d(at["first"], 4, 4, 3, 5, version: Interpolation.Bilinear, options: new() { Convention = Convention.Official }), Convention = Convention.Official };
            return misfit switch
            {
                "version" => new Dcls2d(at["second"], 4, 4, 3, 5, version: Interpolation.Triangle, options: options),
                "size" => new Dcls2d(at["second"], 4, 4, 3, 7, version: Interpolation.Bilinear, options: options),
                "count" => new Dcls2d(at["second"], 4, 4, 2, 5, version: Interpolation.Bilinear, options: options),
                "channels" => new Dcls2d(at["second"], 4, 4, 3, 5, groups: 2, version: Interpolation.Bilinear, options: options),
                "dense" => new Dcls2_1d(at["second"], 4, 4, 3, 5, 5, version: Interpolation.Bilinear, options: options),
                _ => new Dcls2d(at["second"], 4, 4, 3, 5, version: Interpolation.Bilinear, options: options with { Convention = Convention.OfficialWidthFirst }),
            };
        });
        Assert.Contains(" at second: shares positions", message, StringComparison.Ordinal);
        Assert.Contains("share between layers of one form", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Positions_shared_with_a_layer_of_another_model()
    {
        using CpuDevice device = new(1);
        (Dcls2d other, ParameterStore store) = ParameterStore.Build(static at => new Dcls2d(at["other"], 1, 1, 2, 3), device);
        using ParameterStore owner = store;
        string message = Refused(at => new Dcls2d(at["second"], 1, 1, 2, 3, options: new() { SharedWith = other }));
        Assert.Contains("second.P", message, StringComparison.Ordinal);
        Assert.Contains("another model", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_width_that_the_version_has_not()
    {
        using CpuDevice device = new(1);
        (Dcls1d layer, ParameterStore store) = ParameterStore.Build(static at => new Dcls1d(at, 1, 1, 1, 3, version: Interpolation.Bilinear), device);
        using ParameterStore owner = store;
        Assert.Equal("Dcls1d: version Bilinear (v0) has no sigma to set", Assert.Throws<TensorException>(() => layer.SetSigma(1)).Message);
    }

    [Fact]
    public void A_version_that_there_is_not() => Assert.Contains("Gauss (gauss)", Assert.Throws<TensorException>(static () => Dcls.Official("v2", 5, 3)).Message, StringComparison.Ordinal);

    [Fact]
    public void Kernels_from_tensors_that_do_not_belong_together()
    {
        Tensor weight = Tensor.Zeros([3, 1, 4]), position = Tensor.Zeros([2, 3, 1, 4]);
        Assert.Contains("position must be [1, 3, 1, 4]", Wrong(() => Interpolation.Bilinear.Draw(weight, position, null, [5])), StringComparison.Ordinal);
        Assert.Contains("size must have one to three axes", Wrong(() => Interpolation.Bilinear.Draw(weight, position, null, [5, 0])), StringComparison.Ordinal);
        Assert.Contains("size must have one to three axes", Wrong(() => Interpolation.Bilinear.Draw(weight, position, null, [5, 5, 5, 5])), StringComparison.Ordinal);
        Assert.Contains("gauss needs sigma", Wrong(() => Interpolation.Gauss.Draw(weight, position, null, [5, 5])), StringComparison.Ordinal);
        Assert.Contains("v1 has no sigma", Wrong(() => Interpolation.Triangle.Draw(weight, position, position, [5, 5])), StringComparison.Ordinal);
        Assert.Contains("sigma must be [2, 3, 1, 4]", Wrong(() => Interpolation.Gauss.Draw(weight, position, weight, [5, 5])), StringComparison.Ordinal);
        Assert.Contains("share dtype", Wrong(() => Interpolation.Bilinear.Draw(weight, Tensor.Zeros([2, 3, 1, 4], DType.Float64), null, [5, 5])), StringComparison.Ordinal);

        static string Wrong(Func<Tensor> draw) => Assert.Throws<TensorException>(draw).Message;
    }
}
