using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Taps;

/// <summary>Kernels, their gradients and layers against the definition.</summary>
public sealed class DclsDefinitionTests
{
    public static TheoryData<string, int, int> Kernels
        => [.. from version in LayerCase.Versions from learned in Enumerable.Range(1, 3) from dense in Enumerable.Range(0, 3) select (version, learned, dense)];

    public static TheoryData<string, string> Layers => [.. from form in LayerCase.Forms from version in LayerCase.Versions select (form, version)];

    [Theory, MemberData(nameof(Kernels))]
    public void A_kernel_and_its_gradients_are_what_the_definition_says(string version, int learned, int dense)
    {
        foreach (Convention convention in Enum.GetValues<Convention>())
            for (int number = 0; number < 4; number++)
            {
                RandomStream random = new(21, (uint)number, (ulong)(learned * 3 + dense));
                int[] Sizes(int count, int most) => [.. Enumerable.Range(0, count).Select(_ => 1 + random.NextInt(most))];
                TapSet taps = new TapSet(version, convention, Sizes(dense, 3), Sizes(learned, learned == 1 ? 12 : 8 - learned), 1 + random.NextInt(5), 1 + random.NextInt(3),
                    1 + random.NextInt(6)).Scattered(random);
                double[] seed = taps.Seed(random);
                TapGradients expected = NaiveDcls.Run(taps, seed);
                foreach (DType type in (ReadOnlySpan<DType>)[DType.Float64, DType.Float32])
                    foreach (((string name, double[] reference), (_, double[] values)) in expected.All.Zip(taps.Run(seed, type).All))
                        Agreement.Check(reference, values, type, $"{name} of {taps}, number {number}");
            }
    }

    [Theory, MemberData(nameof(Layers))]
    public void A_layer_is_the_convolution_with_that_kernel(string form, string version)
    {
        using CpuDevice device = new(2);
        for (int number = 0; number < 9; number++)
        {
            LayerCase c = LayerCase.Draw(form, version, number);
            double[] kernel = NaiveDcls.Kernel(c.Taps), y = c.Reference(kernel);
            foreach (DType type in (ReadOnlySpan<DType>)[DType.Float64, DType.Float32])
            {
                using Step step = Step.Begin();
                (Dcls layer, ParameterStore store) = c.Build(device, type);
                using ParameterStore owner = store;
                Tensor drawn = layer.Kernel(), actual = layer.Forward(c.Input(device, type));
                Assert.Equal([.. c.KernelSize, c.Taps.Inputs, c.Taps.Outputs], drawn.Shape.Dims.ToArray());
                Assert.Equal([c.Batch, .. NaiveConvolution.Result(c.Spatial, c.KernelSize, c.Stride, c.Padding), c.Taps.Outputs], actual.Shape.Dims.ToArray());
                Agreement.Check(kernel, drawn.ToDoubles(), type, $"kernel of {c}");
                Agreement.Check(y, actual.ToDoubles(), type, $"output of {c}");
            }
        }
    }
}
