using MiniTorch.Cuda;

namespace MiniTorch.Ops;

/// <summary>The parameter of <c>map2</c> and <c>map3</c>.</summary>
readonly record struct MapLaunch(FormulaConstants Constants, Pointer A, Pointer B, Pointer G, Pointer Y, CudaDims Sizes, CudaDims StepsA, CudaDims StepsB, int Rank, int Count);

static unsafe partial class Map<M>
{
    const int Threads = 256;

    static readonly Flat<Two> flat2 = new(2, M.Name);
    static readonly Flat<Three> flat3 = new(3, M.Name);
    static readonly FormulaKernel<Two, MapLaunch> map2 = new(typeof(Broadcast), "Map", "map2", M.Name);
    static readonly FormulaKernel<Three, MapLaunch> map3 = new(typeof(Broadcast), "Map", "map3", M.Name);

    struct Cuda : ICudaKernel<Args>
    {
        /// <summary>Arrays of equal shape need no index arithmetic.</summary>
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged
        {
            Broadcast axes = a.Axes;
            int count = a.Rows * axes.Sizes[^1];
            if (axes.Sizes.Rank == 1 && axes.StepsA[0] != 0 && axes.StepsB[0] != 0)
            {
                if (a.G.IsNull) flat2.Run<T>(device, new(a.Map), a.Y, count, a.A, a.B);
                else flat3.Run<T>(device, new(a.Map), a.Y, count, a.A, a.B, a.G);
                return;
            }
            CudaFunction<MapLaunch> function = a.G.IsNull ? map2.For<T>(new(a.Map), out FormulaConstants constants) : map3.For<T>(new(a.Map), out constants);
            device.Launch(function, Workers.Blocks(count, Threads), Threads,
                new(constants, a.A, a.B, a.G, a.Y, CudaDims.Of(axes.Sizes), CudaDims.Of(axes.StepsA), CudaDims.Of(axes.StepsB), axes.Sizes.Rank, count));
        }
    }

    readonly struct Two(M map) : IFormula
    {
        public void Write(FormulaTrace trace) => trace.Output(map.Of(trace.Input(), trace.Input(), Traced.Of(0)));
    }

    readonly struct Three(M map) : IFormula
    {
        public void Write(FormulaTrace trace) => trace.Output(map.Of(trace.Input(), trace.Input(), trace.Input()));
    }
}
