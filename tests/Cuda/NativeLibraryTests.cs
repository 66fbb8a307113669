using MiniTorch.Cuda;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Cuda;

/// <summary>cuBLAS and cuDNN as they are called, against stubs that compute in their libraries' terms: column-major products, convolutions by strides.</summary>
[Collection(StubTests.Name)]
public sealed class NativeLibraryTests(StubDriver stub)
{
    CudaDevice Open()
    {
        stub.Begin();
        return CudaDevice.Open();
    }

    static float[] Numbers(int count, int seed) => [.. Enumerable.Range(0, count).Select(i => ((i * 7 + seed * 5) % 11 - 5) / 4f)];     // products and sums of these are exact

    [Theory]
    [InlineData(false, false, false, 1)]
    [InlineData(true, false, true, 1)]
    [InlineData(false, true, false, 3)]
    [InlineData(true, true, true, 2)]
    public void Products_are_row_major(bool transposeA, bool transposeB, bool accumulate, int batch)
    {
        using CudaDevice device = Open();
        using Step step = Step.Begin();
        const int M = 3, N = 5, K = 4, Wider = 2;
        (int rowsA, int columnsA, int rowsB, int columnsB) = (transposeA ? K : M, transposeA ? M : K, transposeB ? N : K, transposeB ? K : N);
        Tensor a = Tensor.Of(Numbers(batch * rowsA * (columnsA + Wider), 1), [batch, rowsA, columnsA + Wider], device), b = Tensor.Of(Numbers(rowsB * (columnsB + Wider), 2), [rowsB, columnsB + Wider], device);
        float[] start = Numbers(batch * M * (N + Wider), 3);
        Tensor c = Tensor.Of(start, [batch, M, N + Wider], device);
        device.Blas!.Gemm(DType.Float32, new(a, b, c, M, N, K, transposeA, transposeB)
        {
            LeadingA = columnsA + Wider, LeadingB = columnsB + Wider, LeadingC = N + Wider, Accumulate = accumulate,
            Batch = batch, BatchA = rowsA * (columnsA + Wider), BatchC = M * (N + Wider),
        });
        float[] wanted = [.. start], x = a.ToArray<float>(), w = b.ToArray<float>();
        for (int z = 0; z < batch; z++)
            for (int m = 0; m < M; m++)
                for (int n = 0; n < N; n++)
                {
                    int at = (z * M + m) * (N + Wider) + n;
                    float sum = accumulate ? start[at] : 0;
                    for (int k = 0; k < K; k++) sum += x[z * rowsA * (columnsA + Wider) + (transposeA ? k * (M + Wider) + m : m * (K + Wider) + k)] * w[transposeB ? n * (K + Wider) + k : k * (N + Wider) + n];
                    wanted[at] = sum;
                }
        Assert.Equal(wanted, c.ToArray<float>());
    }

    /// <summary>Each epilogue in the terms of the stub: a bias is one of the rows of its D, which are our columns, and sums are those of its A, which is our B.</summary>
    [Theory]
    [InlineData(false, false, 1)]
    [InlineData(true, false, 1)]
    [InlineData(false, true, 3)]
    [InlineData(true, true, 2)]
    public void Biases_and_sums_are_of_columns(bool transposeA, bool transposeB, int batch)
    {
        using CudaDevice device = Open();
        using Step step = Step.Begin();
        const int M = 3, N = 5, K = 4;
        Shape shapeB = transposeB ? [N, K] : [K, N];
        Tensor a = Tensor.Of(Numbers(batch * M * K, 1), transposeA ? [batch, K, M] : [batch, M, K], device), b = Tensor.Of(Numbers(N * K, 2), shapeB, device), bias = Tensor.Of(Numbers(N, 4), [N], device);
        Tensor plain = Tensor.Empty([batch, M, N], device: device), shifted = Tensor.Like(plain), summed = Tensor.Like(plain), sums = Tensor.Like(bias);
        GemmArgs args = new(a, b, plain, M, N, K, transposeA, transposeB) { Batch = batch, BatchA = M * K, BatchC = M * N };
        device.Blas!.Gemm(DType.Float32, args);
        Assert.True(device.Blas.TryBias(DType.Float32, args with { C = shifted, Bias = bias }));
        float[] y = plain.ToArray<float>(), at = bias.ToArray<float>(), w = b.ToArray<float>();
        Assert.Equal([.. y.Select((v, i) => v + at[i % N])], shifted.ToArray<float>());
        if (batch > 1)
        {
            Assert.False(device.Blas.TrySums(DType.Float32, args with { C = summed }, sums));
            return;
        }
        Assert.True(device.Blas.TrySums(DType.Float32, args with { C = summed }, sums));
        Assert.Equal(y, summed.ToArray<float>());
        Assert.Equal([.. Enumerable.Range(0, N).Select(n => Enumerable.Range(0, K).Sum(k => w[transposeB ? n * K + k : k * N + n]))], sums.ToArray<float>());
    }

    [Theory]
    [InlineData(DType.Float32, 1e-6)]
    [InlineData(DType.BFloat16, 1.0 / 128)]
    public void A_formula_of_the_library_is_applied_and_what_it_is_applied_to_is_kept(DType type, double rounding)
    {
        using CudaDevice device = Open();
        using Step step = Step.Begin();
        const int M = 3, N = 8, K = 2;
        Tensor a = Of([M, K], 1), b = Of([K, N], 2), bias = Of([N], 3), h = Tensor.Empty([M, N], type, device), y = Tensor.Like(h), alone = Tensor.Like(h), cut = Tensor.Like(h);
        GemmArgs args = new(a, b, h, M, N, K) { Bias = bias };
        Assert.True(device.Blas!.TryActivation(type, args, y, default(GeluTanh)));
        Assert.True(device.Blas.TryActivation(type, args with { C = alone }, alone, default(GeluTanh)));
        Assert.True(device.Blas.TryActivation(type, args with { C = cut }, cut, default(Relu)));
        (double[] va, double[] vb, double[] vBias) = (a.ToDoubles(), b.ToDoubles(), bias.ToDoubles());
        double[] wanted = [.. Enumerable.Range(0, M * N).Select(i => vBias[i % N] + Enumerable.Range(0, K).Sum(k => va[i / N * K + k] * vb[k * N + i % N]))];
        double[] bent = [.. wanted.Select(static v => 0.5 * v * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v))))];
        Close(wanted, h);
        Close(bent, y);
        Close(bent, alone);
        Close([.. wanted.Select(static v => Math.Max(v, 0))], cut);
        Assert.False(device.Blas.TryActivation(type, args, y, default(Relu)));          // keeps signs alone
        Assert.False(device.Blas.TryActivation(type, args, y, default(Gelu)));

        Tensor Of(Shape shape, int seed)
        {
            Tensor x = Tensor.Empty(shape, type, device);
            x.WriteDoubles(Array.ConvertAll(Numbers((int)shape.Count, seed), static v => (double)v));
            return x;
        }

        void Close(double[] expected, Tensor actual)
        {
            double[] found = actual.ToDoubles();
            for (int i = 0; i < expected.Length; i++) Assert.True(Math.Abs(expected[i] - found[i]) <= rounding * Math.Max(1, Math.Abs(expected[i])), $"{i}: {found[i]}, expected {expected[i]}");
        }
    }

    /// <summary>Descriptors are made once for sizes and alignments, and given back with the device: 4 for a product that the stub has a kernel for, 0 for k of 13, where the bias takes a kernel of ours.</summary>
    [Fact]
    public unsafe void A_fused_product_of_known_sizes_is_planned_once()
    {
        CudaDevice device = Open();
        delegate* unmanaged<int> alive = (delegate* unmanaged<int>)System.Runtime.InteropServices.NativeLibrary.GetExport(CudaLibraries.BlasLt.Handle, "stub_descriptors");
        int before = alive();
        using (Step step = Step.Begin())
        {
            Tensor x = Tensor.Zeros([32, 32], device: device);
            Assert.Null(device.Slower);
            for (int i = 0; i < 3; i++) Assert.True(device.Blas!.TryBias(DType.Float32, new(x, x, x, 4, 8, 4) { Bias = x }));
            Assert.Equal(before + 4, alive());
            Pointer second = Pointer.At((void*)(x.Address + sizeof(float)));
            foreach (GemmArgs args in (ReadOnlySpan<GemmArgs>)[new(second, x, x, 4, 8, 4) { Bias = x }, new(x, second, x, 4, 8, 4) { Bias = x }, new(x, x, second, 4, 8, 4) { Bias = x }, new(x, x, x, 4, 8, 4) { Bias = second }])
                Assert.True(device.Blas!.TryBias(DType.Float32, args));
            Assert.True(device.Blas!.TryActivation(DType.Float32, new(x, x, second, 4, 8, 4) { Bias = x }, x, default(GeluTanh)));
            Assert.Equal(before + 24, alive());
            long queued = device.Queued;
            for (int i = 0; i < 2; i++) Assert.False(device.Blas!.TryBias(DType.Float32, new(x, x, x, 4, 8, 13) { Bias = x }));
            Assert.Equal((before + 24, queued), (alive(), device.Queued));
            Assert.Equal("cuda:0: cuBLASLt has no kernel for 4x13x8 f32 with bias: what follows these products took passes of its own", device.Slower);
            Gemm.Product.Launch(device, DType.Float32, new(x, x, x, 4, 8, 13) { Bias = x });
            Assert.StartsWith("launch gemmFinish ", stub.Log[^1]);
            stub.Begin();
            Gemm.Product.Launch(device, DType.Float32, new(x, x, x, 4, 8, 4) { Bias = x });
            Assert.Empty(stub.Log);
        }
        device.Dispose();
        Assert.Equal(before, alive());
    }

    /// <summary>Numbers of few digits, so that sums are exact in bf16 too; with TF32 allowed, of factors of 12 bits the last is lost.</summary>
    [Fact]
    public void Products_of_bf16_and_of_tf32_are_asked_for()
    {
        using CudaDevice device = Open();
        using Step step = Step.Begin();
        BFloat16[] few = Array.ConvertAll<float, BFloat16>([1, 2, -1.5f, 4], static v => (BFloat16)v);
        Tensor a = Tensor.Of(few, [2, 2], device), c = Tensor.Like(a);
        device.Blas!.Gemm(DType.BFloat16, new(a, a, c, 2, 2, 2));
        Assert.Equal([-2, 10, -7.5, 13], c.ToDoubles());
        device.Blas!.Gemm(DType.BFloat16, new(a, a, c, 2, 1, 2) { LeadingB = 2, LeadingC = 2, Batch = 2, BatchB = 1, BatchC = 1, Accumulate = true });
        Assert.Equal([-4, 20, -15, 26], c.ToDoubles());
        Tensor fine = Tensor.Of([1 + 1f / 1024 + 1f / 2048], [1, 1], device), one = Tensor.Of([1f], [1, 1], device), y = Tensor.Like(one);
        device.Blas!.Gemm(DType.Float32, new(fine, one, y, 1, 1, 1));
        Assert.Equal(1 + 3.0 / 2048, y.Item());
        device.AllowTf32 = true;
        device.Blas!.Gemm(DType.Float32, new(fine, one, y, 1, 1, 1));
        Assert.Equal(1 + 1.0 / 1024, y.Item());
        device.Blas!.Gemm(DType.BFloat16, new(a, a, c, 2, 2, 2));
        Assert.Equal([-2, 10, -7.5, 13], c.ToDoubles());
    }

    [Fact]
    public void Convolutions_of_bf16_and_of_tf32_are_asked_for()
    {
        using CudaDevice device = Open();
        using Step step = Step.Begin();
        Convolution c = new(1, 2, 2, 1, 2, 2, 1, 1, 1);
        foreach (DType type in (ReadOnlySpan<DType>)[DType.BFloat16, DType.Float32])
        {
            device.AllowTf32 = type == DType.Float32;
            Tensor x = Tensor.Empty([1, 2, 2, 1], type, device), w = Tensor.Empty([1, 1, 1, 1], type, device), y = Tensor.Like(x), dx = Tensor.Like(x), dw = Tensor.Like(w);
            x.WriteDoubles([1, -2, 3, 0.5]);
            w.WriteDoubles([1.5]);
            device.Dnn!.Convolve<Nowhere>(Sought.Y, type, c, x, w, y);
            device.Dnn!.Convolve<Nowhere>(Sought.X, type, c, dx, w, y);
            device.Dnn!.Convolve<Nowhere>(Sought.Weight, type, c, x, dw, y);
            Assert.Equal([1.5, -3, 4.5, 0.75], y.ToDoubles());
            Assert.Equal([2.25, -4.5, 6.75, 1.125], dx.ToDoubles());
            Assert.Equal(1.5 + 6 + 13.5 + 0.375, dw.Item(), type == DType.BFloat16 ? 0.1 : 0);
        }
    }

    [Fact]
    public void A_product_over_nothing_is_zero()
    {
        using CudaDevice device = Open();
        using Step step = Step.Begin();
        Tensor a = Tensor.Empty([3, 0], device: device), b = Tensor.Empty([0, 2], device: device), c = Tensor.Of<float>([1, 2, 3, 4, 5, 6], [3, 2], device);
        device.Blas!.Gemm(DType.Float32, new(a, b, c, 3, 2, 0));
        Assert.Equal(new float[6], c.ToArray<float>());
    }

    [Fact]
    public void A_refused_product_is_told_in_the_librarys_words()
    {
        using CudaDevice device = Open();
        using Step step = Step.Begin();
        Tensor x = Tensor.Zeros([4, 4], device: device);
        CudaException e = Assert.Throws<CudaException>(() => device.Blas!.Gemm(DType.Float32, new(x, x, x, 4, 4, 4) { LeadingB = 3 }));
        Assert.Equal("cublasGemmEx: CUBLAS_STATUS_INVALID_VALUE (7), an unsupported value or parameter was passed", e.Message);
    }

    public static TheoryData<int> Convolutions => [0, 1, 2];

    static readonly Convolution[] convolutions =
    [
        new(2, 5, 6, 3, 5, 6, 4, 3, 3) { Padding = (1, 1) },
        new(1, 9, 8, 4, 5, 3, 6, 3, 2) { Stride = (2, 3), Padding = (1, 0), Groups = 2 },
        new(2, 7, 7, 2, 3, 7, 2, 3, 1) { Dilation = (2, 3) },
    ];

    [Theory]
    [MemberData(nameof(Convolutions))]
    public void Convolutions_are_channels_last(int index)
    {
        using CudaDevice device = Open();
        using Step step = Step.Begin();
        Convolution c = convolutions[index];
        int inputs = c.Inputs / c.Groups;
        Tensor x = Tensor.Of(Numbers(c.Batch * c.Height * c.Width * c.Inputs, 1), [c.Batch, c.Height, c.Width, c.Inputs], device);
        Tensor w = Tensor.Of(Numbers(c.Outputs * c.KernelHeight * c.KernelWidth * inputs, 2), [c.Outputs, c.KernelHeight, c.KernelWidth, inputs], device);
        Tensor y = Tensor.Of(Numbers(c.Batch * c.OutHeight * c.OutWidth * c.Outputs, 3), [c.Batch, c.OutHeight, c.OutWidth, c.Outputs], device);
        Tensor gx = Tensor.Like(x), gw = Tensor.Like(w), gy = Tensor.Like(y);
        device.Dnn!.Convolve<Nowhere>(Sought.Y, DType.Float32, c, x, w, gy);
        device.Dnn!.Convolve<Nowhere>(Sought.X, DType.Float32, c, gx, w, y);
        device.Dnn!.Convolve<Nowhere>(Sought.Weight, DType.Float32, c, x, gw, y);
        (float[] vx, float[] vw, float[] vy) = (x.ToArray<float>(), w.ToArray<float>(), y.ToArray<float>());
        float[] wantedX = new float[vx.Length], wantedW = new float[vw.Length], wantedY = new float[vy.Length];
        foreach ((int ix, int iw, int iy) in Meetings(c))
        {
            wantedY[iy] += vx[ix] * vw[iw];
            wantedX[ix] += vy[iy] * vw[iw];
            wantedW[iw] += vx[ix] * vy[iy];
        }
        Assert.Equal(wantedY, gy.ToArray<float>());
        Assert.Equal(wantedX, gx.ToArray<float>());
        Assert.Equal(wantedW, gw.ToArray<float>());
    }

    [Fact]
    public void A_convolution_of_known_sizes_is_planned_once()
    {
        using CudaDevice device = Open();
        using Step step = Step.Begin();
        Convolution c = convolutions[0];
        Tensor x = Tensor.Zeros([2, 5, 6, 3], device: device), w = Tensor.Zeros([4, 3, 3, 3], device: device), y = Tensor.Zeros([2, 5, 6, 4], device: device);
        IDnn dnn = device.Dnn!;
        dnn.Convolve<Nowhere>(Sought.Y, DType.Float32, c, x, w, y);
        Assert.Equal(0, Allocated.Least(() =>
        {
            for (int i = 0; i < 10; i++) dnn.Convolve<Nowhere>(Sought.Y, DType.Float32, c, x, w, y);
        }));
    }

    [Fact]
    public void A_refused_convolution_is_told_in_the_librarys_words()
    {
        using CudaDevice device = Open();
        Convolution wrong = convolutions[0] with { OutHeight = 7 };
        using Step step = Step.Begin();
        Tensor x = Tensor.Zeros([9, 9, 9, 9], device: device);
        CudaException e = Assert.Throws<CudaException>(() => device.Dnn!.Convolve<Nowhere>(Sought.Y, DType.Float32, wrong, x, x, x));
        Assert.Equal("cudnnConvolutionForward: CUDNN_STATUS_BAD_PARAM (2000), the stub refuses this", e.Message);
    }

    /// <summary>The stub's events are half a millisecond apart; the first form of the table stays where none is faster. Tensor cores take bf16 alone.</summary>
    [Fact]
    public void Forms_are_measured_by_events_and_cached_for_the_gpu()
    {
        string path = Path.Combine(stub.Folder, "cache", "minitorch-dcls", "stub-gpu-0.json");
        if (File.Exists(path)) File.Delete(path);
        using CudaDevice device = Open();
        using Step step = Step.Begin();
        Tensor x = Tensor.Zeros([1, 7, 7, 16], device: device), w = Tensor.Zeros([9, 9, 1, 16], device: device);
        x.Conv(w, padding: [4, 4], groups: 16);
        int launches = stub.Log.Count(static l => l.StartsWith("launch depthwise9Forward7", StringComparison.Ordinal));
        Assert.Equal(1 + 5 + 1, launches);           // to load it, to measure it, to compute by it
        FormFile file = FormFile.Read(path);
        Assert.Equal(("Stub GPU 0", "13.0", true), (file.Gpu, file.Driver, file.Cudnn));
        ChosenForm chosen = Assert.Single(file.Forms).Value;
        Assert.Equal("tiles", chosen.Form);
        Assert.Equal(new Dictionary<string, double> { ["tiles"] = 500, ["elements"] = 500, ["cudnn"] = 500 }, chosen.Microseconds);
        x.Conv(w, padding: [4, 4], groups: 16);
        Assert.Equal(launches + 1, stub.Log.Count(static l => l.StartsWith("launch depthwise9Forward7", StringComparison.Ordinal)));
        Assert.DoesNotContain(device.Notes, static n => n.Contains("forms", StringComparison.Ordinal));
    }

    [Fact]
    public void Every_place_that_was_searched_is_told()
    {
        stub.Begin();
        Assert.Equal("loaded", CudaLibraries.Driver.Attempts[^1].Result);
        Assert.EndsWith("libcuda.so.1", CudaLibraries.Driver.Attempts[^1].Path);
        LibrarySearch missing = new(["libminitorch-missing.so.2", "libminitorch-missing.so.1"], ["/usr/lib64"], []);
        string folder = Path.GetDirectoryName(CudaLibraries.Driver.Attempts[^1].Path)!;
        Assert.False(missing.Found);
        Assert.Equal(
        [
            new($"{folder}/libminitorch-missing.so.2", "no such file"), new($"{folder}/libminitorch-missing.so.1", "no such file"),
            new("libminitorch-missing.so.2", "not found by the loader"), new("libminitorch-missing.so.1", "not found by the loader"),
            new("/usr/lib64/libminitorch-missing.so.2", "no such file"), new LibraryAttempt("/usr/lib64/libminitorch-missing.so.1", "no such file"),
        ], missing.Attempts);
        Assert.Contains("libminitorch-missing.so.2 was not found", Assert.Throws<DllNotFoundException>(() => missing.Handle).Message);
    }

    /// <summary>Elements of x, weight and y that meet in a product.</summary>
    static IEnumerable<(int X, int Weight, int Y)> Meetings(Convolution c)
    {
        int inputs = c.Inputs / c.Groups, outputs = c.Outputs / c.Groups;
        for (int n = 0; n < c.Batch; n++)
            for (int oh = 0; oh < c.OutHeight; oh++)
                for (int ow = 0; ow < c.OutWidth; ow++)
                    for (int o = 0; o < c.Outputs; o++)
                        for (int kh = 0; kh < c.KernelHeight; kh++)
                            for (int kw = 0; kw < c.KernelWidth; kw++)
                                for (int i = 0; i < inputs; i++)
                                {
                                    int h = oh * c.Stride.H - c.Padding.H + kh * c.Dilation.H, w = ow * c.Stride.W - c.Padding.W + kw * c.Dilation.W;
                                    if (h < 0 || h >= c.Height || w < 0 || w >= c.Width) continue;
                                    yield return (((n * c.Height + h) * c.Width + w) * c.Inputs + o / outputs * inputs + i, ((o * c.KernelHeight + kh) * c.KernelWidth + kw) * inputs + i,
                                        ((n * c.OutHeight + oh) * c.OutWidth + ow) * c.Outputs + o);
                                }
    }

    /// <summary>The native library has no use for the caller's own convolution.</summary>
    struct Nowhere : IHostConvolution
    {
        public static void Run(CpuDevice host, Sought sought, in Convolution convolution, Pointer x, Pointer weight, Pointer y) => throw new InvalidOperationException();
    }
}
