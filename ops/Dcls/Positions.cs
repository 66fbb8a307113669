namespace MiniTorch.Ops;

/// <summary>What is done to the positions of taps beside differentiating them.</summary>
public static unsafe class Positions
{
    /// <summary>Clamps row r of P [axes, …] to ±⌊size[r]/2⌋, in place and untracked.</summary>
    public static void Clamp(Tensor position, params ReadOnlySpan<int> size)
    {
        Expect.Real(position);
        Expect.That(position.Shape.Rank > 0 && position.Shape[0] == size.Length, $"P must have one row for each of {size.Length} axes", position);
        Pointer p = position.InPlace();
        int count = position.Count / size.Length;
        for (int row = 0; row < size.Length; row++) clamp.Launch(position.Device, position.DType, new(p, row * count, (row + 1) * count, size[row] / 2));
    }

    readonly record struct Args(Pointer P, int Begin, int End, int Limit);

    static readonly Kernel<Args> clamp = Kernel<Args>.On<ClampBody>("Positions.clamp");

    struct ClampBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            T limit = T.CreateChecked(a.Limit);
            for (T* p = a.P.As<T>() + a.Begin, end = a.P.As<T>() + a.End; p < end; p++) *p = T.Clamp(*p, -limit, limit);
        }
    }
}
