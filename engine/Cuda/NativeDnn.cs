using System.Runtime.InteropServices;
using static MiniTorch.Cuda.LibCudnn;

namespace MiniTorch.Cuda;

/// <summary>cuDNN on a device's compute stream. What it needs for a convolution of some sizes is made once and kept.</summary>
sealed unsafe class NativeDnn : IDnn
{
    const int Proposals = 8, MostLetters = 512;
    const string NotSupported = "CUDNN_STATUS_NOT_SUPPORTED";           // begins the names of several statuses

    /// <summary>Descriptors and the algorithm for one convolution or gradient; or why there is none.</summary>
    sealed record Plan(nint X, nint Y, nint Filter, nint Convolution, int Algorithm, long Workspace, CudaException? Refusal = null);

    readonly Dictionary<(Sought, Convolution, int Elements, int Math), Plan> plans = [];
    readonly CudaDevice device;
    readonly nint handle;

    NativeDnn(CudaDevice device)
    {
        this.device = device;
        nint created;
        Check(cudnnCreate(&created), nameof(cudnnCreate));
        handle = created;
        Check(cudnnSetStream(handle, device.Compute), nameof(cudnnSetStream));
    }

    /// <summary>cuDNN for a device, or null where it was not found.</summary>
    internal static IDnn? Open(CudaDevice device) => CudaLibraries.Dnn.Found ? new NativeDnn(device) : null;

    public bool Takes(Sought sought, DType type, in Convolution convolution) => PlanOf(sought, type, convolution).Refusal is null;

    public void Convolve<THost>(Sought sought, DType type, in Convolution convolution, Pointer x, Pointer weight, Pointer y) where THost : IHostConvolution
    {
        device.Queue();
        Plan p = PlanOf(sought, type, convolution);
        if (p.Refusal is not null) throw p.Refusal;
        float one = 1, zero = 0;
        using Scratch workspace = device.Scratch(p.Workspace);
        (nint space, nuint bytes) = ((nint)workspace.As<byte>(), (nuint)p.Workspace);
        switch (sought)
        {
            case Sought.Y:
                Check(cudnnConvolutionForward(handle, &one, p.X, x.Address, p.Filter, weight.Address, p.Convolution, p.Algorithm, space, bytes, &zero, p.Y, y.Address),
                    nameof(cudnnConvolutionForward));
                break;
            case Sought.X:
                Check(cudnnConvolutionBackwardData(handle, &one, p.Filter, weight.Address, p.Y, y.Address, p.Convolution, p.Algorithm, space, bytes, &zero, p.X, x.Address),
                    nameof(cudnnConvolutionBackwardData));
                break;
            default:
                Check(cudnnConvolutionBackwardFilter(handle, &one, p.X, x.Address, p.Y, y.Address, p.Convolution, p.Algorithm, space, bytes, &zero, p.Filter, weight.Address),
                    nameof(cudnnConvolutionBackwardFilter));
                break;
        }
    }

    public void Dispose()
    {
        foreach (Plan plan in plans.Values)
        {
            Check(cudnnDestroyTensorDescriptor(plan.X), nameof(cudnnDestroyTensorDescriptor));
            Check(cudnnDestroyTensorDescriptor(plan.Y), nameof(cudnnDestroyTensorDescriptor));
            Check(cudnnDestroyFilterDescriptor(plan.Filter), nameof(cudnnDestroyFilterDescriptor));
            Check(cudnnDestroyConvolutionDescriptor(plan.Convolution), nameof(cudnnDestroyConvolutionDescriptor));
        }
        Check(cudnnDestroy(handle), nameof(cudnnDestroy));
    }

    Plan PlanOf(Sought sought, DType type, in Convolution convolution)
    {
        (int elements, int math) = type == DType.BFloat16 ? (Brain16, TensorMath) : (Real32, device.AllowTf32 ? DefaultMath : FmaMath);
        if (!plans.TryGetValue((sought, convolution, elements, math), out Plan? plan)) plans[(sought, convolution, elements, math)] = plan = Make(sought, convolution, elements, math);
        return plan;
    }

    Plan Make(Sought sought, in Convolution c, int elements, int math)
    {
        nint convolution, filter;
        Check(cudnnCreateConvolutionDescriptor(&convolution), nameof(cudnnCreateConvolutionDescriptor));
        Check(cudnnSetConvolution2dDescriptor(convolution, c.Padding.H, c.Padding.W, c.Stride.H, c.Stride.W, c.Dilation.H, c.Dilation.W, CrossCorrelation, Real32),
            nameof(cudnnSetConvolution2dDescriptor));
        Check(cudnnSetConvolutionGroupCount(convolution, c.Groups), nameof(cudnnSetConvolutionGroupCount));
        Check(cudnnSetConvolutionMathType(convolution, math), nameof(cudnnSetConvolutionMathType));
        Check(cudnnCreateFilterDescriptor(&filter), nameof(cudnnCreateFilterDescriptor));
        Check(cudnnSetFilter4dDescriptor(filter, elements, ChannelsLast, c.Outputs, c.Inputs / c.Groups, c.KernelHeight, c.KernelWidth), nameof(cudnnSetFilter4dDescriptor));
        nint x = Images(elements, c.Batch, c.Height, c.Width, c.Inputs), y = Images(elements, c.Batch, c.OutHeight, c.OutWidth, c.Outputs);
        CudaException? refusal = Choose(sought, c, math, x, y, filter, convolution, out Proposal chosen);
        return new(x, y, filter, convolution, chosen.Algorithm, (long)chosen.Workspace, refusal);
    }

    /// <summary>The first proposal of the heuristics, sorted by expected time, that works, is deterministic and does the descriptor's math; of bf16 any, as all sum in float32. Else what is to be told.</summary>
    CudaException? Choose(Sought sought, in Convolution c, int math, nint x, nint y, nint filter, nint convolution, out Proposal chosen)
    {
        chosen = default;
        Proposal* found = stackalloc Proposal[Proposals];
        int count;
        (int status, string function) = sought switch
        {
            Sought.Y => (cudnnGetConvolutionForwardAlgorithm_v7(handle, x, filter, convolution, y, Proposals, &count, found), nameof(cudnnGetConvolutionForwardAlgorithm_v7)),
            Sought.X => (cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, filter, y, convolution, x, Proposals, &count, found), nameof(cudnnGetConvolutionBackwardDataAlgorithm_v7)),
            _ => (cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle, x, y, convolution, filter, Proposals, &count, found), nameof(cudnnGetConvolutionBackwardFilterAlgorithm_v7)),
        };
        if (status != 0 && Text(cudnnGetErrorString(status)).StartsWith(NotSupported, StringComparison.Ordinal)) return Failure(status, function);
        Check(status, function);
        for (int i = 0; i < count; i++)
        {
            if (found[i] is not { Status: 0, Deterministic: 1 } || math != TensorMath && found[i].MathType is not (DefaultMath or FmaMath)) continue;
            chosen = found[i];
            return null;
        }
        return new CudaException(function, $"{function}: none of {count} proposals for {c} is deterministic in this math");
    }

    static nint Images(int elements, int n, int h, int w, int c)
    {
        nint tensor;
        Check(cudnnCreateTensorDescriptor(&tensor), nameof(cudnnCreateTensorDescriptor));
        Check(cudnnSetTensor4dDescriptorEx(tensor, elements, n, c, h, w, h * w * c, 1, w * c, c), nameof(cudnnSetTensor4dDescriptorEx));
        return tensor;
    }

    static void Check(int status, string function)
    {
        if (status != 0) throw Failure(status, function);
    }

    static CudaException Failure(int status, string function)
    {
        byte* last = stackalloc byte[MostLetters];
        cudnnGetLastErrorString(last, MostLetters);
        return new(function, status, Text(cudnnGetErrorString(status)), Text(last));
    }

    static string Text(byte* text) => (Marshal.PtrToStringUTF8((nint)text) ?? "").Trim();
}
