using MiniTorch.Cuda;

namespace MiniTorch.Ops;

/// <summary>The parameter of <c>fold</c>, <c>foldPart</c> and <c>foldMerge</c>.</summary>
readonly record struct FoldLaunch(FormulaConstants Constants, Pointer X, Pointer Y, CudaDims KeptSizes, CudaDims KeptSteps, CudaDims FoldedSizes, CudaDims FoldedSteps,
    int KeptRank, int FoldedRank, int Outputs, int Row, int Length, int Slices, int SliceLength, int Parts, int Neighbours, float Start, float Scale);

static unsafe partial class Fold<F>
{
    const int Threads = 256, MostBlocks = 1024;
    const int WarpColumns = 32;         // outputs side by side that fill a warp
    const int RowShare = 4;             // numbers of a short row that a thread reads
    const int LeastShare = 16;          // and at least so many of a long one, before it is cut into slices

    static readonly FormulaKernel<Folding, FoldLaunch> folding = new(typeof(Axes), "Fold", "fold", F.Name), part = new(typeof(Axes), "Fold", "foldPart", F.Name);
    static readonly FormulaKernel<Merging, FoldLaunch> merging = new(typeof(Axes), "Fold", "foldMerge", $"{F.Name}.merge");

    struct Cuda : ICudaKernel<Args>
    {
        public static void Run<T>(CudaDevice device, in Args a) where T : unmanaged
        {
            Axes axes = a.Axes;
            int row = axes.RowReduced ? 1 : axes.Row, length = axes.RowReduced ? a.Rows * axes.Row : a.Rows;
            FoldLaunch whole = new()
            {
                X = a.X, Y = a.Y, Row = row, Outputs = a.Outputs * row, Length = length, Start = (float)F.Start, Scale = (float)a.Scale, Neighbours = axes.RowReduced ? 1 : 0,
                KeptSizes = CudaDims.Of(axes.Kept), KeptSteps = CudaDims.Of(axes.KeptSteps), KeptRank = axes.Kept.Rank, Parts = Parts(a.Outputs * row, length, axes.RowReduced),
                FoldedSizes = Dims(axes.Reduced, axes.RowReduced, axes.Row), FoldedSteps = Dims(axes.ReducedSteps, axes.RowReduced, 1), FoldedRank = axes.Reduced.Rank + (axes.RowReduced ? 1 : 0),
            };
            int groups = Workers.Blocks(whole.Outputs, Threads / whole.Parts);
            int sliceLength = Workers.Blocks(length, Math.Clamp(MostBlocks / groups, 1, Workers.Blocks(length, whole.Parts * LeastShare))), slices = Workers.Blocks(length, sliceLength);
            if (slices == 1)
            {
                device.Launch(folding.For<T>(default, out _), groups, Threads, whole with { Slices = 1, SliceLength = length });
                return;
            }
            using Scratch scratch = device.Scratch((long)slices * whole.Outputs * sizeof(float));
            Pointer partial = Pointer.At(scratch.As<float>());
            device.Launch(part.For<T>(default, out _), groups * slices, Threads, whole with { Y = partial, Slices = slices, SliceLength = sliceLength, Scale = 1 });
            Merge<T>(device, partial, slices, whole.Outputs, a.Y, a.Scale);
        }

        static CudaDims Dims(in Shape outer, bool row, int inner)
        {
            CudaDims dims = CudaDims.Of(outer);
            if (row) dims[outer.Rank] = inner;
            return dims;
        }
    }

    /// <summary>y [width] = scale · the merged rows of partial [slices, width], in a fixed order, rounded to T.</summary>
    internal static void Merge<T>(CudaDevice device, Pointer partial, int slices, int width, Pointer y, double scale = 1) where T : unmanaged
    {
        FoldLaunch rows = new()
        {
            X = partial, Y = y, Row = width, Outputs = width, Length = slices, Slices = 1, SliceLength = slices, Start = (float)F.Start, Scale = (float)scale,
            Parts = Parts(width, slices, neighbours: false), FoldedRank = 1,
        };
        CudaDims step = default;
        step[0] = width;
        device.Launch(merging.For<T>(default, out _), Workers.Blocks(width, Threads / rows.Parts), Threads, rows with { FoldedSteps = step });
    }

    /// <summary>Threads that share an output: a power of two.</summary>
    static int Parts(int outputs, int length, bool neighbours)
    {
        int most = neighbours ? Workers.Blocks(length, RowShare) : Math.Min(length, Threads / (int)Math.Min(WarpColumns, BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, outputs))));
        return (int)Math.Min(Threads, BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, most)));
    }

    readonly struct Folding : IFormula
    {
        public void Write(FormulaTrace trace)
        {
            trace.Output(F.Add(trace.Input(), trace.Input()));
            trace.NextPart();
            trace.Output(F.Merge(trace.Input(), trace.Input()));
        }
    }

    readonly struct Merging : IFormula
    {
        public void Write(FormulaTrace trace)
        {
            trace.Output(F.Merge(trace.Input(), trace.Input()));
            trace.NextPart();
            trace.Output(F.Merge(trace.Input(), trace.Input()));
        }
    }
}
