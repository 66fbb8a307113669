using MiniTorch.Cuda;
using MiniTorch.Cuda.Emulation;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Cuda;

/// <summary>What only the emulated GPU does: faults that it tells, limits, counters, graphs, and calls of libraries that it serves.</summary>
public sealed class EmulatedDeviceTests
{
    [Fact]
    public void Launches_are_counted_and_read_whole_sectors()
    {
        using EmulatedDriver driver = new();
        using CudaDevice device = CudaDevice.Emulated(driver);
        List<(string Kernel, LaunchCounters Counters)> launched = [];
        driver.Launched = (kernel, counters) => launched.Add((kernel, counters));
        using Step step = Step.Begin();
        Tensor x = Tensor.Zeros([40, 96], device: device);
        StepProfile profile = Profile.Of(device, () => x.LayerNorm());
        (string name, LaunchCounters c) = Assert.Single(launched);
        Assert.Equal("layerNormForward1", name);
        Assert.Equal(1, c.SectorRatio);
        Assert.Equal(40 * 96 * 4, c.FootprintReadBytes);
        Assert.Equal(GpuModel.H100.Estimate(c).Seconds, Assert.Single(profile.Kernels).Seconds, 12);
    }

    /// <summary>x and dy once, whole sectors and no conflict of banks, and dx; of the rest a row's statistics, γ and what the slices leave. Rows whose sums no registers hold are read a second time for γ and β.</summary>
    [Theory]
    [InlineData(96, "layerNormBackward1", "partialsSum")]
    [InlineData(256, "layerNormBackward2", "partialsSum")]
    [InlineData(384, "layerNormBackward4", "partialsSum")]
    [InlineData(768, "layerNormBackward8", "layerNormParameters", "partialsSum")]
    [InlineData(95, "layerNormInput", "layerNormParameters", "partialsSum")]
    public void The_gradients_of_a_layer_norm_are_one_pass(int c, params string[] kernels)
    {
        const int Rows = 100, Slices = 4;
        using EmulatedDriver driver = new();
        using CudaDevice device = CudaDevice.Emulated(driver);
        List<(string Kernel, LaunchCounters Counters)> launched = [];
        Tensor x = Tensor.Lasting([Rows, c], device: device, trainable: true), gamma = Tensor.Lasting([c], device: device, trainable: true);
        x.Fill(1);
        gamma.Fill(1);
        using Step step = Step.Begin();
        Tensor y = x.LayerNorm(gamma), dy = Tensor.Zeros(y.Shape, device: device);
        driver.Launched = (kernel, counters) => launched.Add((kernel, counters));
        y.Backward(dy);
        Assert.Equal(kernels, launched.Select(static l => l.Kernel));
        if (kernels.Length > 2) return;
        LaunchCounters first = launched[0].Counters;
        Assert.Equal(1, first.SectorRatio, 0.01);
        Assert.Equal(first.IdealSharedWavefronts, first.SharedWavefronts);
        Assert.Equal(4L * (2 * Rows * c + 2 * Rows + c), first.FootprintReadBytes);
        Assert.Equal(4L * (Rows * c + Slices * 2 * c), first.FootprintWrittenBytes);
    }

    [Fact]
    public void Reading_what_nobody_has_written_is_a_fault()
    {
        using CudaDevice device = CudaDevice.Emulated();
        using Step step = Step.Begin();
        Tensor x = Tensor.Empty([2, 8], device: device);
        Assert.Contains("layerNormForward", Assert.Throws<EmulationException>(() => x.LayerNorm()).Message);
        Assert.Throws<EmulationException>(() => x.ToArray<float>());
    }

    [Fact]
    public void Memory_is_limited_and_the_device_stays_usable()
    {
        using CudaDevice device = CudaDevice.Emulated(new EmulatedDriver(memoryBytes: 1 << 20));
        using Step step = Step.Begin();
        Tensor x = Tensor.Zeros([150, 1000], device: device);
        Assert.StartsWith("cuda:emulated is out of memory: asked for 585.9 KiB, 585.9 KiB live in 1 blocks", Assert.Throws<CudaException>(() => Tensor.Like(x)).Message);
        Assert.Equal(0, x.ToArray<float>()[7]);
    }

    [Fact]
    public void A_captured_graph_repeats_its_calls()
    {
        using EmulatedDriver driver = new();
        using CudaDevice device = CudaDevice.Emulated(driver, exactBlocks: false);
        Tensor x = Tensor.Lasting([2, 2], device: device), y = Tensor.Lasting([2, 2], device: device);
        Normalise();                                    // takes from the driver what the pool then has
        driver.BeginCapture(device.Compute);
        Normalise();
        nint instance = driver.Instantiate(driver.EndCapture(device.Compute));
        x.Write<float>([1, 3, 8, 6]);
        Assert.Equal([0, 0, 0, 0], y.ToArray<float>());
        driver.LaunchGraph(instance, device.Compute);
        Assert.Equal([-1, 1, 1, -1], Array.ConvertAll(y.ToArray<float>(), static v => MathF.Round(v, 4)));
        x.Write<float>([6, 5, 7, 8]);
        driver.LaunchGraph(instance, device.Compute);
        Assert.Equal([1, -1, -1, 1], Array.ConvertAll(y.ToArray<float>(), static v => MathF.Round(v, 4)));

        void Normalise()
        {
            using Step step = Step.Begin();
            y.Assign(x.LayerNorm());
        }
    }

    [Fact]
    public void Served_products_check_their_operands()
    {
        using CudaDevice device = CudaDevice.Emulated();
        using Step step = Step.Begin();
        Tensor x = Tensor.Zeros([4, 4], device: device), empty = Tensor.Empty([4, 4], device: device);
        Assert.Contains("B: rows of 4 elements cannot lie 3 apart", Message(new(x, x, x, 4, 4, 4) { LeadingB = 3 }));
        Assert.Contains("A: 1 x 4 x 5 elements", Message(new(x, x, x, 4, 4, 5)));
        Assert.Contains("C: 1 x 4 x 4 elements", Message(new(x, x, x, 4, 4, 4) { LeadingC = 5 }));
        Assert.Contains("has not been written", Message(new(x, empty, x, 4, 4, 4)));
        Assert.Contains("lie 8 elements apart", Message(new(x, x, x, 4, 4, 4) { Batch = 2, BatchC = 8 }));

        string Message(GemmArgs args) => Assert.Throws<EmulationException>(() => device.Blas!.Gemm(DType.Float32, args)).Message;
    }

    [Fact]
    public void Served_convolutions_check_their_sizes()
    {
        using CudaDevice device = CudaDevice.Emulated();
        using Step step = Step.Begin();
        Tensor x = Tensor.Zeros([1, 4, 4, 2], device: device), w = Tensor.Zeros([3, 1, 1, 2], device: device), y = Tensor.Empty([1, 4, 4, 3], device: device);
        Convolution right = new(1, 4, 4, 2, 4, 4, 3, 1, 1);
        Assert.Contains("has 4 x 4 results, not 4 x 3", Message(right with { OutWidth = 3 }));
        Assert.Contains("4 groups do not divide", Message(right with { Groups = 4 }));
        Assert.Contains("weight: 1 x 3 x 6 elements, rows 6 apart, need 72 bytes", Message(right with { KernelHeight = 3, OutHeight = 2 }));
        Assert.Contains("has not been written", Assert.Throws<EmulationException>(() => device.Dnn!.Convolve<Unasked>(Sought.X, DType.Float32, right, x, w, y)).Message);

        string Message(Convolution wrong) => Assert.Throws<EmulationException>(() => device.Dnn!.Convolve<Unasked>(Sought.Y, DType.Float32, wrong, x, w, y)).Message;
    }

    /// <summary>Not reached by a call that is refused.</summary>
    struct Unasked : IHostConvolution
    {
        public static void Run(CpuDevice host, Sought sought, in Convolution convolution, Pointer x, Pointer weight, Pointer y) => throw new InvalidOperationException();
    }

    [Fact]
    public void Without_libraries_there_are_none_and_it_is_told()
    {
        using CudaDevice with = CudaDevice.Emulated(), without = CudaDevice.Emulated(libraries: false);
        Assert.Empty(with.Notes);
        Assert.Null(without.Blas);
        Assert.Null(without.Dnn);
        Assert.Equal(["cuda:emulated: cuBLAS was not found, matrix products run on kernels of MiniTorch; dcls doctor shows where it was searched",
            "cuda:emulated: cuDNN was not found, convolutions run on kernels of MiniTorch; dcls doctor shows where it was searched"], without.Notes);
    }
}
