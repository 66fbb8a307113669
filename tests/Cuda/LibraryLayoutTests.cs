using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MiniTorch.Cuda;
using static MiniTorch.Cuda.LibCublas;
using static MiniTorch.Cuda.LibCublasLt;
using static MiniTorch.Cuda.LibCudnn;

namespace MiniTorch.Tests.Cuda;

/// <summary>
/// Numbers and structs of the bindings, by what the libraries themselves tell of what was set: on a real GPU NVIDIA's, elsewhere the stubs. The functions that only these tests ask
/// are found by name.
/// </summary>
[Collection(StubTests.Name), Trait("category", TestedGpu.Category)]
public sealed unsafe class LibraryLayoutTests(StubDriver stub)
{
    [Fact]
    public void Tensor_and_filter_of_cudnn_come_back_as_they_were_set()
    {
        using TestedGpu gpu = OpenDnn();
        nint tensor, filter;
        Good(cudnnCreateTensorDescriptor(&tensor));
        Good(cudnnSetTensor4dDescriptorEx(tensor, LibCudnn.Real32, 2, 3, 5, 7, 105, 1, 21, 3));
        int* v = stackalloc int[9];
        Good(((delegate* unmanaged<nint, int*, int*, int*, int*, int*, int*, int*, int*, int*, int>)Dnn("cudnnGetTensor4dDescriptor"))(tensor, v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7, v + 8));
        Assert.Equal([LibCudnn.Real32, 2, 3, 5, 7, 105, 1, 21, 3], new Span<int>(v, 9).ToArray());
        Good(cudnnDestroyTensorDescriptor(tensor));
        Good(cudnnCreateFilterDescriptor(&filter));
        Good(cudnnSetFilter4dDescriptor(filter, LibCudnn.Real32, ChannelsLast, 8, 4, 3, 2));
        Good(((delegate* unmanaged<nint, int*, int*, int*, int*, int*, int*, int>)Dnn("cudnnGetFilter4dDescriptor"))(filter, v, v + 1, v + 2, v + 3, v + 4, v + 5));
        Assert.Equal([LibCudnn.Real32, ChannelsLast, 8, 4, 3, 2], new Span<int>(v, 6).ToArray());
        Good(cudnnDestroyFilterDescriptor(filter));
    }

    [Fact]
    public void A_convolution_of_cudnn_comes_back_as_it_was_set_with_products_of_float32()
    {
        using TestedGpu gpu = OpenDnn();
        Assert.Equal(9u, ((delegate* unmanaged<nuint>)Dnn("cudnnGetVersion"))() / 10000);
        nint convolution = Convolution(groups: 2);
        int* v = stackalloc int[8];
        Good(((delegate* unmanaged<nint, int*, int*, int*, int*, int*, int*, int*, int*, int>)Dnn("cudnnGetConvolution2dDescriptor"))(convolution, v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7));
        Assert.Equal([1, 2, 1, 1, 1, 1, CrossCorrelation, LibCudnn.Real32], new Span<int>(v, 8).ToArray());
        Good(((delegate* unmanaged<nint, int*, int>)Dnn("cudnnGetConvolutionMathType"))(convolution, v));
        Good(((delegate* unmanaged<nint, int*, int>)Dnn("cudnnGetConvolutionGroupCount"))(convolution, v + 1));
        Assert.Equal([FmaMath, 2], new Span<int>(v, 2).ToArray());
        Good(cudnnDestroyConvolutionDescriptor(convolution));
    }

    /// <summary>The struct has the library's size, or the places behind the last one would be written; its workspace is the one that is asked for an algorithm by itself.</summary>
    [Fact]
    public void Proposals_of_cudnn_are_laid_out_as_they_are_read()
    {
        const int Asked = 4;
        const byte Untouched = 0xCD;
        using TestedGpu gpu = OpenDnn();
        nint handle, x, y, filter, convolution = Convolution(groups: 1);
        Good(cudnnCreate(&handle));
        Good(cudnnSetStream(handle, gpu.Device.Compute));
        Good(cudnnCreateTensorDescriptor(&x));
        Good(cudnnSetTensor4dDescriptorEx(x, LibCudnn.Real32, 4, 32, 16, 16, 8192, 1, 512, 32));
        Good(cudnnCreateTensorDescriptor(&y));
        Good(cudnnSetTensor4dDescriptorEx(y, LibCudnn.Real32, 4, 64, 16, 16, 16384, 1, 1024, 64));
        Good(cudnnCreateFilterDescriptor(&filter));
        Good(cudnnSetFilter4dDescriptor(filter, LibCudnn.Real32, ChannelsLast, 64, 32, 3, 5));
        Proposal* found = stackalloc Proposal[2 * Asked];
        Unsafe.InitBlock(found, Untouched, (uint)(2 * Asked * sizeof(Proposal)));
        int count;
        Good(cudnnGetConvolutionForwardAlgorithm_v7(handle, x, filter, convolution, y, Asked, &count, found));
        Assert.InRange(count, 1, Asked);
        Assert.All(new Span<byte>(found + Asked, Asked * sizeof(Proposal)).ToArray(), static b => Assert.Equal(Untouched, b));
        int usable = 0;
        for (int i = 0; i < count; i++)
        {
            if (found[i].Status != 0) continue;
            Assert.InRange(found[i].Algorithm, 0, 7);
            Assert.InRange(found[i].Deterministic, 0, 1);
            Assert.InRange(found[i].MathType, 0, 3);
            if (found[i].MathType is not (LibCudnn.DefaultMath or FmaMath)) continue;
            nuint bytes;
            Good(((delegate* unmanaged<nint, nint, nint, nint, nint, int, nuint*, int>)Dnn("cudnnGetConvolutionForwardWorkspaceSize"))(handle, x, filter, convolution, y, found[i].Algorithm, &bytes));
            Assert.Equal(bytes, found[i].Workspace);
            usable++;
        }
        Assert.True(usable > 0, $"none of {count} proposals is of float32");
        Good(cudnnDestroyConvolutionDescriptor(convolution));
        Good(cudnnDestroyFilterDescriptor(filter));
        Good(cudnnDestroyTensorDescriptor(y));
        Good(cudnnDestroyTensorDescriptor(x));
        Good(cudnnDestroy(handle));
    }

    /// <summary>A product that any narrower type than float32 rounds: 1 + 2^-12 has two more bits than TF32 keeps.</summary>
    [Fact]
    public void Types_and_modes_of_cublas_mean_float32()
    {
        Assert.SkipUnless(CudaLibraries.Blas.Found, "cuBLAS was not found beside this GPU");
        using TestedGpu gpu = TestedGpu.OpenNative(stub);
        nint handle;
        int mode, version;
        Good(cublasCreate_v2(&handle));
        Good(cublasSetMathMode(handle, LibCublas.DefaultMath));
        Good(((delegate* unmanaged<nint, int*, int>)Export(CudaLibraries.Blas, "cublasGetMathMode"))(handle, &mode));
        Good(((delegate* unmanaged<nint, int*, int>)Export(CudaLibraries.Blas, "cublasGetVersion_v2"))(handle, &version));
        Good(cublasDestroy_v2(handle));
        Assert.Equal(LibCublas.DefaultMath, mode);
        Assert.InRange(version, 110000, 139999);
        using Step step = Step.Begin();
        const int N = 64;
        const float Fine = 1 + 1f / 4096;
        float[] one = new float[N * N];
        for (int i = 0; i < N; i++) one[i * N + i] = 1;
        Tensor a = Tensor.Of(Enumerable.Repeat(Fine, N * N).ToArray(), [N, N], gpu), b = Tensor.Of(one, [N, N], gpu), c = Tensor.Empty([N, N], device: gpu);
        gpu.Device.Blas!.Gemm(DType.Float32, new(a, b, c, N, N, N));
        Assert.All(c.ToArray<float>(), static v => Assert.Equal(Fine, v));
    }

    /// <summary>
    /// Attributes by their numbers and sizes, as the library tells them of what was set. The struct of a proposal has the library's size, or the places behind the last one would be written, and its
    /// workspace keeps to what was allowed.
    /// </summary>
    [Fact]
    public void Descriptors_and_proposals_of_cublasLt_are_laid_out_as_they_are_used()
    {
        const int Asked = 4, Allowed = 32 << 20, M = 256, N = 64, K = 128;
        const byte Untouched = 0xCD;
        Assert.SkipUnless(CudaLibraries.BlasLt.Found, "cuBLASLt was not found beside this GPU");
        using TestedGpu gpu = TestedGpu.OpenNative(stub);
        nint handle, operation, a, b, d, preference;
        Good(cublasLtCreate(&handle));
        Good(cublasLtMatmulDescCreate(&operation, Compute32, LibCublas.Real32));
        foreach ((int attribute, int value) in (ReadOnlySpan<(int, int)>)[(LibCublasLt.TransposeA, Transposed), (LibCublasLt.TransposeB, NotTransposed), (LibCublasLt.Epilogue, (int)(LibCublasLt.GeluTanh | LibCublasLt.Bias | LibCublasLt.Kept))])
            Assert.Equal(value, Told("cublasLtMatmulDesc", operation, attribute, value));
        foreach ((int attribute, long value) in (ReadOnlySpan<(int, long)>)[(LibCublasLt.BiasPointer, 256), (LibCublasLt.KeptPointer, 512), (LibCublasLt.KeptLeading, M)])
            Assert.Equal(value, Told("cublasLtMatmulDesc", operation, attribute, value));
        Good(cublasLtMatrixLayoutCreate(&a, LibCublas.Brain16, K, M, K));
        Good(cublasLtMatrixLayoutCreate(&b, LibCublas.Brain16, K, N, K));
        Good(cublasLtMatrixLayoutCreate(&d, LibCublas.Brain16, M, N, M));
        Assert.Equal(3, Told("cublasLtMatrixLayout", d, LibCublasLt.BatchCount, 3));
        Assert.Equal(1, Told("cublasLtMatrixLayout", d, LibCublasLt.BatchCount, 1));
        Assert.Equal(1 << 20, Told("cublasLtMatrixLayout", d, LibCublasLt.BatchStride, 1L << 20));
        Assert.Equal(0, Told("cublasLtMatrixLayout", d, LibCublasLt.BatchStride, 0L));
        Good(cublasLtMatmulPreferenceCreate(&preference));
        Assert.Equal(Allowed, Told("cublasLtMatmulPreference", preference, LibCublasLt.MostWorkspace, (long)Allowed));
        Assert.Equal(LibCublasLt.PartsInFloat32, Told("cublasLtMatmulPreference", preference, LibCublasLt.ReductionSchemes, LibCublasLt.PartsInFloat32));
        for (int i = 0; i < 4; i++) Assert.Equal(16 << i, Told("cublasLtMatmulPreference", preference, LibCublasLt.LeastAlignment + i, 16 << i));
        Candidate* found = stackalloc Candidate[2 * Asked];
        Unsafe.InitBlock(found, Untouched, (uint)(2 * Asked * sizeof(Candidate)));
        int count;
        Good(cublasLtMatmulAlgoGetHeuristic(handle, operation, a, b, d, d, preference, Asked, found, &count));
        Assert.InRange(count, 1, Asked);
        Assert.All(new Span<byte>(found + Asked, Asked * sizeof(Candidate)).ToArray(), static v => Assert.Equal(Untouched, v));
        for (int i = 0; i < count; i++)
        {
            Assert.Equal(0, found[i].Status);
            Assert.InRange(found[i].Workspace, (nuint)0, (nuint)Allowed);
            Assert.InRange(found[i].Waves, 0.001f, 1000);
        }
        Good(cublasLtMatmulPreferenceDestroy(preference));
        foreach (nint matrix in (ReadOnlySpan<nint>)[a, b, d]) Good(cublasLtMatrixLayoutDestroy(matrix));
        Good(cublasLtMatmulDescDestroy(operation));
        Good(cublasLtDestroy(handle));
    }

    /// <summary>An attribute as it comes back after it was set; its size must be the library's.</summary>
    static T Told<T>(string what, nint descriptor, int attribute, T value) where T : unmanaged
    {
        T told = default;
        nuint written;
        Good(((delegate* unmanaged<nint, int, void*, nuint, int>)Export(CudaLibraries.BlasLt, $"{what}SetAttribute"))(descriptor, attribute, &value, (nuint)sizeof(T)));
        Good(((delegate* unmanaged<nint, int, void*, nuint, nuint*, int>)Export(CudaLibraries.BlasLt, $"{what}GetAttribute"))(descriptor, attribute, &told, (nuint)sizeof(T), &written));
        Assert.Equal((nuint)sizeof(T), written);
        return told;
    }

    /// <summary>Attributes by numbers, against what is so on every GPU of these compute capabilities, and against functions that tell the same.</summary>
    [Fact]
    public void Attributes_of_the_driver_are_those_that_are_meant()
    {
        using TestedGpu gpu = TestedGpu.OpenNative(stub);
        DeviceProperties p = gpu.Device.Properties;
        int device, major, minor;
        Good(LibCuda.cuDeviceGet(&device, 0));
        Good(((delegate* unmanaged<int*, int*, int, int>)Export(CudaLibraries.Driver, "cuDeviceComputeCapability"))(&major, &minor, device));
        Assert.Equal(new(major, minor), p.ComputeCapability);
        Assert.Equal((49152, 1024, 65536, 1024), (p.SharedPerBlock, p.ThreadsPerBlock, p.RegistersPerMultiprocessor, p.SharedPerMultiprocessor - p.SharedPerBlockAtMost));
        Assert.Contains(p.ThreadsPerMultiprocessor, (int[])[1536, 2048]);
        Assert.InRange(p.Multiprocessors, 1, 1000);
        Assert.InRange(p.ClockKilohertz, 300_000, 5_000_000);
        Assert.InRange(p.CacheBytes, 1 << 20, 1 << 30);
        nint pool;
        ulong kept;
        Good(LibCuda.cuDeviceGetDefaultMemPool(&pool, device));
        Good(((delegate* unmanaged<nint, PoolAttribute, ulong*, int>)Export(CudaLibraries.Driver, "cuMemPoolGetAttribute"))(pool, PoolAttribute.ReleaseThreshold, &kept));
        Assert.Equal(ulong.MaxValue, kept);
    }

    TestedGpu OpenDnn()
    {
        Assert.SkipUnless(CudaLibraries.Dnn.Found, "cuDNN was not found beside this GPU");
        return TestedGpu.OpenNative(stub);
    }

    static nint Convolution(int groups)
    {
        nint convolution;
        Good(cudnnCreateConvolutionDescriptor(&convolution));
        Good(cudnnSetConvolution2dDescriptor(convolution, 1, 2, 1, 1, 1, 1, CrossCorrelation, LibCudnn.Real32));
        Good(cudnnSetConvolutionGroupCount(convolution, groups));
        Good(cudnnSetConvolutionMathType(convolution, FmaMath));
        return convolution;
    }

    static nint Dnn(string function) => Export(CudaLibraries.Dnn, function);

    static nint Export(LibrarySearch library, string function) => NativeLibrary.GetExport(library.Handle, function);

    static void Good(int status, [CallerArgumentExpression(nameof(status))] string call = "") => Assert.True(status == 0, $"status {status} of {call}");
}
