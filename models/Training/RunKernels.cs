using MiniTorch.Cuda;

namespace MiniTorch.Models;

/// <summary>
/// The forms of kernels that a training on a GPU uses, kernels.json in the folder of its run. The file is written as soon as a form is chosen, before any checkpoint of what the form has computed: a
/// run that goes on takes its forms from there and rounds as it did, whatever the cache says by then.
/// </summary>
sealed class RunKernels : IDisposable
{
    const string Name = "kernels.json";

    readonly CudaDevice device;

    RunKernels(CudaDevice device) => this.device = device;

    /// <summary>Makes a GPU ready for a training, which begins without forms; null on another device, where nothing is chosen.</summary>
    internal static RunKernels? Of(Device device, bool deterministic)
    {
        if (device is not CudaDevice gpu) return null;
        gpu.Deterministic = deterministic;
        gpu.Forms.Take(null);
        return new(gpu);
    }

    /// <summary>Takes the forms of a run that goes on, if it has any.</summary>
    internal void Resume(RunFolder run)
    {
        string path = Path.Combine(run.Path, Name);
        if (!File.Exists(path)) return;
        try
        {
            device.Forms.Take(FormFile.Read(path));
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{e.Message}; restore it, or delete it to have the forms chosen anew, with other rounding", e);
        }
    }

    /// <summary>From now on writes to the run.</summary>
    internal void KeepIn(RunFolder run) => device.Forms.Chosen = () => device.Forms.InUse.Write(Path.Combine(run.Path, Name));

    /// <summary>Writes no more.</summary>
    public void Dispose() => device.Forms.Chosen = null;
}
