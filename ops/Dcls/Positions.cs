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

    static readonly Kernel<Args> clamp = Kernel<Args>.On<ClampBody>("Positions.clamp"), round = Kernel<Args>.On<RoundBody>("Positions.round");

    struct ClampBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            T limit = T.CreateChecked(a.Half);
            for (T* p = a.P.As<T>() + a.Begin, end = a.P.As<T>() + a.End; p < end; p++) *p = T.Clamp(*p, -limit, limit);
        }
    }

    struct RoundBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            T limit = T.CreateChecked(a.Half), between = limit - T.Floor(limit);
            for (T* p = a.P.As<T>() + a.Begin, end = a.P.As<T>() + a.End; p < end; p++)
                *p = T.Clamp(T.Round(*p - between, MidpointRounding.ToEven) + between, -limit, limit);
        }
    }
}
