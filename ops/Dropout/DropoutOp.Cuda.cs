using MiniTorch.Cuda;

namespace MiniTorch.Ops;

public sealed unsafe partial class DropoutOp
{
    const int Threads = 256, CounterWords = 4;

    readonly record struct ElementsLaunch(Pointer X, Pointer Y, Pointer State, uint Site, int Period, float Rate, float Kept);
    readonly record struct FactorsLaunch(Pointer Factors, Pointer State, uint Site, int Count, float Rate, float Kept);
    readonly record struct ExamplesLaunch(Pointer X, Pointer Factors, Pointer Y, int Count, int Unit);

    static readonly CudaModule module = new(typeof(DropoutOp), "Dropout");
    static readonly TypedFunction<ElementsLaunch> elements = module.Typed<ElementsLaunch>("dropoutElements");
    static readonly CudaFunction<FactorsLaunch> factors = module.Function<FactorsLaunch>("dropoutFactors");
    static readonly TypedFunction<ExamplesLaunch> examples = module.Typed<ExamplesLaunch>("dropoutExamples");

    struct Cuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged
        {
            if (a.Unit == 1 || a.Count == 0)
            {
                device.Launch(elements.For<T>(), a.Repeats * Workers.Blocks(a.Period, Threads * CounterWords), Threads, new(a.X, a.Y, a.State, a.Site, a.Period, (float)a.Rate, Kept<float>(a.Rate)));
                return;
            }
            int count = a.Count / a.Unit;
            using Scratch scratch = device.Scratch((long)count * sizeof(float));
            Pointer drawn = Pointer.At(scratch.As<float>());
            Factors(device, a.State, a.Site, a.Rate, count, drawn);
            device.Launch(examples.For<T>(), Workers.Blocks(a.Count, Threads), Threads, new(a.X, drawn, a.Y, a.Count, a.Unit));
        }
    }

    /// <summary>Queues what drop path multiplies each of so many examples by: see <see cref="Factor{T}"/>.</summary>
    internal static void Factors(CudaDevice device, Pointer state, uint site, double rate, int count, Pointer to)
        => device.Launch(factors, Workers.Blocks(count, Threads * CounterWords), Threads, new(to, state, site, count, (float)rate, Kept<float>(rate)));
}
