using MiniTorch;
using MiniTorch.Models.Bench;

namespace Peers;

/// <summary>
/// libtorch in every formulation that could be the fastest. official is the published one on contiguous tensors, best_layout the same on channels-last ones; all others
/// compete for the best.
/// </summary>
sealed class TorchContender : IContender
{
    TorchWork? work;

    public (long Resident, long Counted) Memory { get; private set; }

    public IReadOnlyList<string> Forms(string name, string shape)
    {
        Sizes s = new(shape);
        switch (name)
        {
            case "dw_fwd":
                return ["official", "best_layout", "channels_last", "fft", .. Small(s)];
            case "dw_fwdbwd":
                return ["official", "best_layout", "channels_last", "three_convolutions", "three_channels_last", "convolutions_and_fft", "fft", .. Small(s)];
            case "dcls_v0_fwd":
                return ["official", "best_layout", "channels_last", "scatter+convolution", "scatter+fft"];
            case "dcls_v0_fwdbwd":
                return ["official", "best_layout", "separable+three_channels_last", "scatter+three_channels_last", "scatter+convolutions_and_fft", "scatter+fft"];
            case "construct_v0_fwdbwd":
                return ["official", "separable", "separable_by_hand", "scatter"];
            case "construct_gauss_fwdbwd":
                return ["official", "separable", "separable_by_hand"];
            case "gemm" or "gemm_dx" or "gemm_dw":
                return ["official", "mm"];
            case "layer_norm_fwdbwd":
                return ["official", "best_layout", "channels_last"];
            case "gelu_fwdbwd":
                return ["official", "tuned_allocator"];
            case "snn_delays_forward" or "snn_delays_rounded_forward" or "snn_delays_train_step":
                return SnnWork.Forms;
            default:
                return name.StartsWith("convnext_t_", StringComparison.Ordinal) ? ConvNextWork.Forms(name) : throw new ArgumentException($"libtorch has no form of {name}");
        }
    }

    public void Prepare(string name, string shape, string form, string folder)
    {
        work?.Dispose();
        if (!Forms(name, shape).Contains(form)) throw new ArgumentException($"{name} has no form {form}");
        work = Make(name, new(shape), form, Safetensors.Read(Path.Combine(folder, Feed.Operands)));
        ResidentPeak peak = new();
        long held = work.OperandBytes;
        Safetensors file = new();
        foreach ((string result, StoredTensor x) in work.Results(() => Memory = (held + peak.Bytes, 0))) file.Tensors[result] = x;
        file.Write(Path.Combine(folder, Feed.Results(form)));
    }

    public void Run() => work!.Run();

    /// <summary>TorchSharp frees native tensors that nobody disposed when their handles are finalized, and the collector cannot see how large they are.</summary>
    public void Rest()
    {
#pragma warning disable RS0030 // what must not be needed here is the way there
        GC.Collect();
        GC.WaitForPendingFinalizers();
#pragma warning restore RS0030
    }

    public void Dispose() => work?.Dispose();

    static TorchWork Make(string name, Sizes s, string form, Safetensors file) => name switch
    {
        "dw_fwd" or "dw_fwdbwd" => new DepthwiseWork(file, form, name == "dw_fwdbwd"),
        "gemm" or "gemm_dx" or "gemm_dw" => new GemmWork(file, name, form),
        "layer_norm_fwdbwd" or "gelu_fwdbwd" => new RowsWork(file, form, name == "layer_norm_fwdbwd"),
        _ when name.StartsWith("convnext_t_", StringComparison.Ordinal) => new ConvNextWork(file, name, form),
        _ when name.StartsWith("snn_delays_", StringComparison.Ordinal) => new SnnWork(file, name, s['d'], form),
        _ => new DclsWork(file, s, form, name != "dcls_v0_fwd"),
    };

    /// <summary>Matrices of a map's size squared are worth trying on small maps only.</summary>
    static string[] Small(Sizes s) => s['H'] <= 14 ? ["toeplitz"] : [];
}
