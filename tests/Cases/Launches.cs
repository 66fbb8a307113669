using MiniTorch.Ops;

namespace MiniTorch.Tests.Cases;

/// <summary>What a step on a GPU is made of, launch by launch: each kind once, ready to be repeated. Sizes are small, the way to the driver is that of any size.</summary>
sealed class Launches : IDisposable
{
    const int Side = 64, Deep = 2048, Map = 14, Kernel = 7;

    readonly Tensor a, b, c, position, images, results, weight;
    readonly Dictionary<string, Action> all;

    internal Launches(CudaDevice device)
    {
        (a, b, c) = (Lasting([Side, Deep]), Lasting([Deep, Side]), Lasting([Side, Side]));
        (position, images, results, weight) = (Lasting([2, 34, 96]), Lasting([1, Map, Map, 32]), Lasting([1, Map, Map, 32]), Lasting([Kernel, Kernel, 1, 32]));
        Axis axis = new(Map, Map, Kernel, 1, Kernel / 2, 1);
        int[] numbers = new int[4];
        all = new()
        {
            ["flat formula"] = () => Accumulate.Into(c, c),
            ["formula with constants"] = () => Positions.Clamp(position, 8, 8),
            ["depthwise .cu"] = () => new DepthwiseArgs(images, weight, results, default, new(1, 32, Axis.None, axis, axis), 1).Forward(results),
            ["product"] = () => Gemm.Product.Launch(device, DType.Float32, new(c, c, b, Side, Side, Side)),
            ["product in slices"] = () => Gemm.Product.Launch(device, DType.Float32, new(a, b, c, Side, Side, Deep)),
            ["product with bias"] = () => Gemm.Product.Launch(device, DType.Float32, new(c, c, b, Side, Side, Side) { Bias = a }),
            ["product and formula"] = () => { if (!Gemm.Cuda.TryActivation<BFloat16, GeluTanh>(device, new(c, c, b, Side, Side, Side) { Bias = a }, c, default)) c.Fill(1); },
            ["product and sums"] = () => { if (!Gemm.Cuda.TrySums<float>(device, new(c, c, b, Side, Side, Side, TransposeA: true), a)) c.Fill(1); },
            ["copy"] = () => c.Assign(c),
            ["fill"] = () => c.Fill(1),
            ["write"] = () => device.Write<int>(numbers, c.Address),
        };

        Tensor Lasting(Shape shape) => Tensor.Lasting(shape, device: device);
    }

    /// <summary>The kinds.</summary>
    internal static string[] Names { get; } = ["flat formula", "formula with constants", "depthwise .cu", "product", "product in slices", "product with bias", "product and formula", "product and sums", "copy", "fill", "write"];

    /// <summary>Queues one of a kind; "formula with constants" queues two, one for each axis.</summary>
    internal Action this[string name] => all[name];

    public void Dispose()
    {
        foreach (Tensor x in (ReadOnlySpan<Tensor>)[a, b, c, position, images, results, weight]) x.Free();
    }
}
