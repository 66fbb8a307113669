using MiniTorch.Cuda.Emulation;

namespace MiniTorch.Cuda;

/// <summary>Convolutions of the emulated GPU, by the caller's kernel for the CPU on the emulated memory, after the sizes have been checked.</summary>
sealed unsafe class ServedDnn(CudaDevice device, EmulatedDriver driver) : IDnn
{
    public bool Takes(Sought sought, DType type, in Convolution convolution) => true;

    public void Convolve<THost>(Sought sought, DType type, in Convolution convolution, Pointer x, Pointer weight, Pointer y) where THost : IHostConvolution
    {
        device.Queue();
        Convolution queued = convolution;
        Check(queued);
        driver.Do(device.Compute, () => Run<THost>(sought, type, queued, x, weight, y), nameof(Convolve));
    }

    public void Dispose() { }

    void Run<THost>(Sought sought, DType type, in Convolution c, Pointer x, Pointer weight, Pointer y) where THost : IHostConvolution
    {
        DeviceMemory memory = driver.Gpu.Memory;
        int inner = c.KernelHeight * c.KernelWidth * (c.Inputs / c.Groups);
        ServedMatrix images = new("x", x, (long)c.Batch * c.Height * c.Width, c.Inputs, c.Inputs, type), filter = new("weight", weight, c.Outputs, inner, inner, type);
        ServedMatrix results = new("y", y, (long)c.Batch * c.OutHeight * c.OutWidth, c.Outputs, c.Outputs, type);
        using ServedNumbers hostX = sought == Sought.X ? images.OnHost(memory) : images.Read(memory), hostY = sought == Sought.Y ? results.OnHost(memory) : results.Read(memory);
        using ServedNumbers given = sought == Sought.Weight ? filter.OnHost(memory) : filter.Read(memory);
        using Scratch scratch = driver.Host.Scratch((long)inner * c.Outputs * sizeof(float));
        float* turned = scratch.As<float>();
        if (sought != Sought.Weight) Turn(given.At.As<float>(), turned, c.Outputs, inner);
        THost.Run(driver.Host, sought, c, hostX.At, Pointer.At(turned), hostY.At);
        if (sought == Sought.Weight) Turn(turned, given.At.As<float>(), inner, c.Outputs);
        if (sought == Sought.X) images.Written(memory, hostX);
        else if (sought == Sought.Y) results.Written(memory, hostY);
        else filter.Written(memory, given);
        double products = (double)c.Batch * c.OutHeight * c.OutWidth * c.Outputs * inner;
        driver.Spend(new Cost(2 * products, type.Size() * (double)(images.Rows * c.Inputs + results.Rows * c.Outputs + (long)inner * c.Outputs), ""), type, device.AllowTf32);
    }

    static void Check(in Convolution c)
    {
        if (c.Groups < 1 || c.Inputs % c.Groups != 0 || c.Outputs % c.Groups != 0) throw new EmulationException($"{c.Groups} groups do not divide {c.Inputs} inputs and {c.Outputs} outputs");
        int height = Outputs(c.Height, c.KernelHeight, c.Stride.H, c.Padding.H, c.Dilation.H), width = Outputs(c.Width, c.KernelWidth, c.Stride.W, c.Padding.W, c.Dilation.W);
        if (height != c.OutHeight || width != c.OutWidth) throw new EmulationException($"the convolution has {height} x {width} results, not {c.OutHeight} x {c.OutWidth}");
    }

    static int Outputs(int size, int kernel, int stride, int padding, int dilation) => (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;

    static void Turn(float* from, float* to, int rows, int columns)
    {
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++) to[(long)c * rows + r] = from[(long)r * columns + c];
    }
}
