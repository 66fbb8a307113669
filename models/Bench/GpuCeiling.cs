namespace MiniTorch.Models.Bench;

/// <summary>What a GPU can do at most, measured: a large matrix product in float32, and a copy within its memory, in the best of some rounds.</summary>
static class GpuCeiling
{
    const int Side = 4096, WarmUp = 2, Rounds = 10;
    const int Caches = 4;           // an array of the copy is as large as so many second-level caches

    internal static Ceiling Of(CudaDevice device)
    {
        int bytes = checked(Caches * device.Properties.CacheBytes);
        using Step step = Step.Begin();
        Tensor a = Tensor.Zeros([Side, Side], device: device), b = Tensor.Zeros([Side, Side], device: device), c = Tensor.Empty([Side, Side], device: device);
        Tensor from = Tensor.Zeros([bytes / sizeof(float)], device: device), to = Tensor.Empty(from.Shape, device: device);
        double product = Best(device, () => Gemm.Product.Launch(device, DType.Float32, new(a, b, c, Side, Side, Side)));
        double copy = Best(device, () => device.Copy(from.Address, to.Address, bytes));
        return new(device.Name, 2e-9 * Side * Side * Side / product, 2e-9 * bytes / copy);
    }

    static double Best(CudaDevice device, Action work)
    {
        double best = double.MaxValue;
        for (int i = 0; i < WarmUp + Rounds; i++)
        {
            long begin = device.Mark();
            work();
            double seconds = device.Seconds(begin, device.Mark());
            if (i >= WarmUp) best = Math.Min(best, seconds);
        }
        return best;
    }
}
