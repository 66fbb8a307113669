using MiniTorch.Cuda;

namespace MiniTorch.Ops;

/// <summary>What is done to the positions of taps beside differentiating them: in place and untracked.</summary>
public static unsafe class Positions
{
    /// <summary>Clamps row r of P [axes, …] to ±half[r], the half window that <see cref="Interpolation.HalfWindow"/> gives. NaN stays NaN.</summary>
    public static void Clamp(Tensor position, params ReadOnlySpan<double> half) => Launch(clamp, position, half);

    /// <summary>
    /// Moves every tap to the nearest cell, ties to the even position (2.5 → 2, −3.5 → −4) as the official evaluation does, and clamps to ±half[r]. Where zero lies between
    /// two cells (even sizes, <see cref="Convention.Centered"/>), cells are at half-odd positions.
    /// </summary>
    public static void Round(Tensor position, params ReadOnlySpan<double> half) => Launch(round, position, half);

    static void Launch(Kernel<Args> kernel, Tensor position, ReadOnlySpan<double> half)
    {
        Expect.Real(position);
        Expect.That(position.Shape.Rank > 0 && position.Shape[0] == half.Length, $"P must have one row for each of {half.Length} axes", position);
        Pointer p = position.InPlace();
        int count = position.Count / half.Length;
        for (int row = 0; row < half.Length; row++) kernel.Launch(position.Device, position.DType, new(p, row * count, (row + 1) * count, half[row]));
    }

    readonly record struct Args(Pointer P, int Begin, int End, double Half) : ICost
    {
        public Cost Cost(int size) => new(0, 2.0 * size * (End - Begin), End - Begin);
    }

    static readonly Kernel<Args> clamp = Kernel<Args>.OnSingle<Body<Clamped>, Cuda<Clamped>>("Positions.clamp"), round = Kernel<Args>.OnSingle<Body<Rounded>, Cuda<Rounded>>("Positions.round");

    /// <summary>Where a position of a row with this half window goes.</summary>
    interface IMove
    {
        static abstract R Of<R>(R p, double half) where R : struct, IFloat<R>;
    }

    struct Clamped : IMove
    {
        public static R Of<R>(R p, double half) where R : struct, IFloat<R> => R.AtMost(R.AtLeast(p, R.Of(-half)), R.Of(half));
    }

    struct Rounded : IMove
    {
        public static R Of<R>(R p, double half) where R : struct, IFloat<R>
        {
            R between = R.Of(half - Math.Floor(half));
            return Clamped.Of(R.Round(p - between) + between, half);
        }
    }

    struct Body<M> : ICpuKernel<Args> where M : struct, IMove
    {
        public static void Run<T, V>(CpuDevice device, in Args a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            T* p = a.P.As<T>();
            for (int i = a.Begin; i < a.End; i += V.Count)
            {
                int lanes = Math.Min(V.Count, a.End - i);
                Lanes.Write<V, T>(M.Of(Lanes.Read<V, T>(p + i, lanes), a.Half), p + i, lanes);
            }
        }
    }

    readonly struct Formula<M>(double half) : IFormula where M : struct, IMove
    {
        public void Write(FormulaTrace trace) => trace.Output(M.Of(trace.Input(), half));
    }

    struct Cuda<M> : ISingleCudaKernel<Args> where M : struct, IMove
    {
        static readonly Flat<Formula<M>> flat = new(1, typeof(M).Name);

        public static void Run(CudaDevice device, in Args a)
        {
            Pointer row = Pointer.At(a.P.As<float>() + a.Begin);
            flat.Run<float>(device, new Formula<M>(a.Half), row, a.End - a.Begin, row);
        }
    }
}
