using MiniTorch.Cuda;

namespace MiniTorch.Ops;

static unsafe partial class StridedCopy
{
    const int Threads = 256, Tile = 32, TileRows = 8;

    readonly record struct CopyLaunch(Pointer From, Pointer To, CudaDims Dims, CudaDims FromSteps, CudaDims ToSteps, int Rank, int Count);

    static readonly CudaModule module = new(typeof(StridedCopy), "StridedCopy");
    static readonly TypedFunction<CopyLaunch> words = module.Typed<CopyLaunch>("stridedCopy"), turned = module.Typed<CopyLaunch>("stridedCopyTurned");

    struct Cuda : ICudaKernel<Args>
    {
        /// <summary>Where what lies dense in one array does not in the other, squares are turned in shared memory.</summary>
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged
        {
            int last = a.Rank - 1, dense = last;
            CudaDims dims = default, from = default, to = default;
            while (dense >= 0 && a.FromStrides[dense] != 1) dense--;
            bool turns = dense >= 0 && dense < last && a.ToStrides[last] == 1 && a.Dims[dense] >= TileRows && a.Dims[last] >= TileRows;
            int rank = 0;
            for (int d = 0; d <= last; d++) if (!turns || d != dense && d != last) Add(a, d);
            if (turns)
            {
                Add(a, dense);
                Add(a, last);
            }
            CopyLaunch launch = new(Pointer.At(a.From.As<T>() + a.FromOffset), Pointer.At(a.To.As<T>() + a.ToOffset), dims, from, to, rank, a.Rows * a.Dims[last]);
            if (!turns) device.Launch(words.For<T>(), Workers.Blocks(launch.Count, Threads), Threads, launch);
            else device.Launch(turned.For<T>(), launch.Count / (dims[last - 1] * dims[last]) * Workers.Blocks(dims[last - 1], Tile) * Workers.Blocks(dims[last], Tile), new(Tile, TileRows), launch);

            void Add(in Args args, int d) => (dims[rank], from[rank], to[rank++]) = (args.Dims[d], args.FromStrides[d], args.ToStrides[d]);
        }
    }
}
