using System.Runtime.InteropServices;

namespace MiniTorch.Cuda;

/// <summary>The convolutions of cuDNN 9. Each function returns a status, 0 for success; other numbers change between versions, so only cuDNN's words for them are used.</summary>
static unsafe partial class LibCudnn
{
    internal const string Name = "cudnn";

    /// <summary>Element type, layout of a filter, kind of convolution, math type: of float32, the default takes products in TF32 and FMA does not.</summary>
    internal const int Real32 = 0, Brain16 = 9, ChannelsLast = 1, CrossCorrelation = 1, DefaultMath = 0, TensorMath = 1, FmaMath = 3;

    /// <summary>An algorithm as the heuristics propose it.</summary>
    internal struct Proposal
    {
        internal int Algorithm, Status;
        internal float Milliseconds;
        internal nuint Workspace;
        internal int Deterministic, MathType, Reserved0, Reserved1, Reserved2;
    }

    [LibraryImport(Name)] internal static partial int cudnnCreate(nint* handle);
    [LibraryImport(Name)] internal static partial int cudnnDestroy(nint handle);
    [LibraryImport(Name)] internal static partial int cudnnSetStream(nint handle, nint stream);
    [LibraryImport(Name)] internal static partial byte* cudnnGetErrorString(int status);
    [LibraryImport(Name)] internal static partial void cudnnGetLastErrorString(byte* text, nuint length);

    [LibraryImport(Name)] internal static partial int cudnnCreateTensorDescriptor(nint* tensor);
    [LibraryImport(Name)] internal static partial int cudnnDestroyTensorDescriptor(nint tensor);
    [LibraryImport(Name)]
    internal static partial int cudnnSetTensor4dDescriptorEx(nint tensor, int type, int n, int c, int h, int w, int strideN, int strideC, int strideH, int strideW);
    [LibraryImport(Name)] internal static partial int cudnnCreateFilterDescriptor(nint* filter);
    [LibraryImport(Name)] internal static partial int cudnnDestroyFilterDescriptor(nint filter);
    [LibraryImport(Name)] internal static partial int cudnnSetFilter4dDescriptor(nint filter, int type, int layout, int outputs, int inputs, int h, int w);
    [LibraryImport(Name)] internal static partial int cudnnCreateConvolutionDescriptor(nint* convolution);
    [LibraryImport(Name)] internal static partial int cudnnDestroyConvolutionDescriptor(nint convolution);
    [LibraryImport(Name)]
    internal static partial int cudnnSetConvolution2dDescriptor(nint convolution, int paddingH, int paddingW, int strideH, int strideW, int dilationH, int dilationW, int kind, int compute);
    [LibraryImport(Name)] internal static partial int cudnnSetConvolutionGroupCount(nint convolution, int groups);
    [LibraryImport(Name)] internal static partial int cudnnSetConvolutionMathType(nint convolution, int math);

    [LibraryImport(Name)]
    internal static partial int cudnnGetConvolutionForwardAlgorithm_v7(nint handle, nint x, nint weight, nint convolution, nint y, int most, int* count, Proposal* proposals);
    [LibraryImport(Name)]
    internal static partial int cudnnGetConvolutionBackwardDataAlgorithm_v7(nint handle, nint weight, nint dy, nint convolution, nint dx, int most, int* count, Proposal* proposals);
    [LibraryImport(Name)]
    internal static partial int cudnnGetConvolutionBackwardFilterAlgorithm_v7(nint handle, nint x, nint dy, nint convolution, nint dWeight, int most, int* count, Proposal* proposals);

    [LibraryImport(Name)]
    internal static partial int cudnnConvolutionForward(nint handle, void* alpha, nint xTensor, nint x, nint filter, nint weight, nint convolution, int algorithm,
        nint workspace, nuint bytes, void* beta, nint yTensor, nint y);
    [LibraryImport(Name)]
    internal static partial int cudnnConvolutionBackwardData(nint handle, void* alpha, nint filter, nint weight, nint yTensor, nint dy, nint convolution, int algorithm,
        nint workspace, nuint bytes, void* beta, nint xTensor, nint dx);
    [LibraryImport(Name)]
    internal static partial int cudnnConvolutionBackwardFilter(nint handle, void* alpha, nint xTensor, nint x, nint yTensor, nint dy, nint convolution, int algorithm,
        nint workspace, nuint bytes, void* beta, nint filter, nint dWeight);
}
