using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public static unsafe partial class RoundedDelays
{
    const int Threads = 128;

    readonly record struct Launch(Pointer X, Pointer Weight, Pointer Position, Pointer Bias, Pointer Y, int Time, int Batch, int Inputs, int Outputs, int Count, int Size, int After, float Normalisation);

    static readonly CudaModule module = new(typeof(RoundedDelays), "RoundedDelays");
    static readonly CudaFunction<Launch> sequences = module.Function<Launch>("roundedDelays");

    struct Cuda : ISingleCudaKernel<Args>
    {
        public static void Run(CudaDevice device, in Args a) => device.Launch(sequences, new(Workers.Blocks(a.Outputs, Threads), a.Batch), Threads,
            new(a.X, a.Weight, a.Position, a.Bias, a.Y, a.Time, a.Batch, a.Inputs, a.Outputs, a.Count, a.Size, a.After, (float)Normalisation));
    }
}
