namespace MiniTorch.Models.Bench;

/// <summary>What a GPU can do at most, measured: a large matrix product, and a copy within its memory, in the best of some rounds.</summary>
static class GpuCeiling
{
    const int Side = 4096, WarmUp = 2, Rounds = 10;
    const int Caches = 4;           // an array of the copy is as large as so many second-level caches

    internal static Ceiling Of(CudaDevice device, DType type)
    {
        int bytes = checked(Caches * device.Properties.CacheBytes);
        using Step step = Step.Begin();
        Tensor a = Tensor.Zeros([Side, Side], type, device), b = Tensor.Zeros(a.Shape, type, device), c = Tensor.Empty(a.Shape, type, device);
        Tensor from = Tensor.Zeros([bytes / sizeof(float)], device: device), to = Tensor.Empty(from.Shape, device: device);
        double product = Best(device, () => Gemm.Product.Launch(device, type, new(a, b, c, Side, Side, Side)));
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
