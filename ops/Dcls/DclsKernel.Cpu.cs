using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <remarks>
/// On the CPU a lane is a channel. An item owns one register of channels of one plane (a cell of the dense axes): it keeps their kernel (cells × lanes) in a thread's
/// buffer, so that nothing is shared between items, and walks the taps; each tap needs only its profiles, one register per grid line and axis.
/// </remarks>
public sealed unsafe partial class DclsKernel<F>
{
    const double Guard = 1e-7;                      // added to the sum of a tap
    const double Negligible = 1.1102230246251565e-16;  // 2^-53: |SIG| of this share of the narrowest width vanishes in their sum, also in double precision

    [InlineArray(3)] struct Three<N> { N first; }

    /// <summary>Kernels of one launch: their <see cref="Args"/> lie in the host's memory, whatever the device. The cost is asked for when those may be gone.</summary>
    readonly record struct Batch(Pointer Kernels, int Count, Work Work) : ICost
    {
        public Cost Cost(int size) => new(Work.Flops, size * Work.Values, $"{Work.Kernels} kernels of {Work.Taps} taps");

        /// <summary>The pinned array's first so many.</summary>
        internal static Batch Of(Args* kernels, int count)
        {
            Work work = default;
            for (int i = 0; i < count; i++) work += kernels[i].Work;
            return new(Pointer.At(kernels), count, work);
        }

        internal ref readonly Args this[int kernel] => ref Kernels.As<Args>()[kernel];

        internal int Items(int lanes)
        {
            int items = 0;
            for (int i = 0; i < Count; i++) items += this[i].Items(lanes);
            return items;
        }

        /// <summary>The kernel that an item is part of, and its number there.</summary>
        internal ref readonly Args Find(ref int item, int lanes)
        {
            int kernel = 0;
            for (int items; item >= (items = this[kernel].Items(lanes)); kernel++) item -= items;
            return ref this[kernel];
        }
    }

    record struct Args
    {
        internal Pointer Weight, Position, Sigma, Kernel, DWeight, DPosition, DSigma;
        internal int Planes, Channels, Count;
        internal double NarrowestSigma;
        internal Three<int> Size, Row;
        internal Three<double> Centre;

        /// <summary>
        /// Drawing weighs each cell that a tap reaches, 2 an axis if it is compact, else all; the gradient takes two sums over them. Both touch the parameters (or their
        /// gradients, too) and the kernel.
        /// </summary>
        internal readonly Work Work
        {
            get
            {
                double reached = 1, parameters = 1, taps = (double)Count * Pairs;
                for (int axis = 0; axis < 3; axis++)
                {
                    if (Row[axis] < 0) continue;
                    reached *= F.IsCompact ? Math.Min(2, Size[axis]) : Size[axis];
                    parameters += Sigma.IsNull ? 1 : 2;
                }
                int directions = DWeight.IsNull ? 1 : 2;
                return new(2 * directions * reached * taps, directions * parameters * taps + Pairs * (double)Cells, Pairs, Count);
            }
        }

        internal readonly int Cells => Size[0] * Size[1] * Size[2];
        internal readonly int Lines => Size[0] + Size[1] + Size[2];

        /// <summary>Values of one tap.</summary>
        internal readonly long Pairs => (long)Planes * Channels;

        /// <summary>Registers of channels, plane by plane.</summary>
        internal readonly int Items(int lanes) => Planes * Workers.Blocks(Channels, lanes);

        internal readonly Block Item(int item, int lanes)
        {
            int blocks = Workers.Blocks(Channels, lanes), plane = item / blocks, channel = item % blocks * lanes;
            return new((long)plane * Channels + channel, (long)plane * Cells * Channels + channel, Math.Min(lanes, Channels - channel));
        }
    }

    /// <summary>What drawing or differentiating kernels takes; Taps are those of the kernel with the most.</summary>
    readonly record struct Work(double Flops, double Values, long Kernels, int Taps)
    {
        public static Work operator +(Work a, Work b) => new(a.Flops + b.Flops, a.Values + b.Values, a.Kernels + b.Kernels, Math.Max(a.Taps, b.Taps));
    }

    /// <summary>Where an item's channels start in a tap's values and in the kernel, and how many there are.</summary>
    readonly record struct Block(long Tap, long Kernel, int Lanes);

    static readonly Kernel<Batch> draw = Kernel<Batch>.OnSingle<DrawBody, DrawCuda>($"DclsKernel.draw {F.Version}");
    static readonly Kernel<Batch> differentiate = Kernel<Batch>.OnSingle<DifferentiateBody, DifferentiateCuda>($"DclsKernel.differentiate {F.Version}");

    /// <summary>
    /// One tap of one register of channels: its profiles along the axes, their sums, and 1/S. A profile has a value for each line of the axis; that of a compact tap only for
    /// the lines it reaches, counted from the first one, which differs from lane to lane.
    /// </summary>
    ref struct Tap<T, V> where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        internal T* Profiles, Marginals;
        internal Three<int> Count;
        internal V Inverse;
        internal Lanes3<V> Sum, Origin, Position, Sig, Sign;

        /// <summary>The profile of an axis; <see cref="Marginals"/> are laid out alike.</summary>
        internal readonly long At(in Args a, int axis) => (axis == 0 ? 0 : axis == 1 ? a.Size[0] : a.Size[0] + a.Size[1]) * V.Count;

        /// <summary>Reads tap k and fills its profiles.</summary>
        internal void Load(in Args a, int k, Block block)
        {
            V narrowest = V.Of(a.NarrowestSigma);
            for (int axis = 0; axis < 3; axis++)
            {
                T* profile = Profiles + At(a, axis);
                int row = a.Row[axis], size = a.Size[axis];
                if (row < 0)
                {
                    V.Of(1).Store(profile);
                    (Count[axis], Sum[axis], Origin[axis]) = (1, V.Of(1), V.Of(0));
                    continue;
                }
                long at = ((long)row * a.Count + k) * a.Pairs + block.Tap;
                V p = Lanes.Read<V, T>(a.Position.As<T>() + at, block.Lanes), sig = V.Of(0), sum = V.Of(0), origin = V.Of(-a.Centre[axis]), last = V.Of(size - 1 - a.Centre[axis]);
                if (F.HasSigma)
                {
                    V s = Lanes.Read<V, T>(a.Sigma.As<T>() + at, block.Lanes);
                    sig = V.Abs(s);
                    sig = V.Select(V.Greater(sig, V.Of(a.NarrowestSigma * Negligible)), sig, V.Of(0));
                    Sign[axis] = V.Select(V.Greater(s, V.Of(0)), V.Of(1), V.Select(V.Greater(V.Of(0), s), V.Of(-1), V.Of(0)));
                }
                if (F.IsCompact)
                {
                    V first = First<T, V>(p, sig, narrowest, a.Centre[axis]);
                    origin += first;
                    size = Math.Min(size, Reached<T, V>(sig, narrowest, size, block.Lanes));
                }
                for (int n = 0; n < size; n++)
                {
                    V cell = origin + V.Of(n), f = F.Value(cell, p, sig, narrowest);
                    if (F.IsCompact) f = V.Select(V.Greater(cell, last), V.Of(0), f);
                    f.Store(profile + n * V.Count);
                    sum += f;
                }
                (Count[axis], Sum[axis], Origin[axis], Position[axis], Sig[axis]) = (size, sum, origin, p, sig);
            }
            Inverse = F.Normalised ? V.Of(1) / (Sum[0] * Sum[1] * Sum[2] + V.Of(Guard)) : V.Of(1);
        }
    }

    [InlineArray(3)] struct Lanes3<V> { V first; }

    struct DrawBody : ICpuKernel<Batch>
    {
        public static void Run<T, V>(CpuDevice device, in Batch batch) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(batch.Items(V.Count), batch, &Item<T, V>);

        static void Item<T, V>(in Batch batch, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            ref readonly Args a = ref batch.Find(ref item, V.Count);
            Block block = a.Item(item, V.Count);
            int s1 = a.Size[1], s2 = a.Size[2];
            int cellsAndMargin = a.Cells + Margin(a);
            T* cells = Workers.Local<T>((long)(cellsAndMargin + a.Lines) * V.Count);
            new Span<T>(cells, a.Cells * V.Count).Clear();
            Tap<T, V> tap = new() { Profiles = cells + cellsAndMargin * V.Count };
            T* values0 = tap.Profiles, values1 = values0 + a.Size[0] * V.Count, values2 = values1 + s1 * V.Count;
            for (int k = 0; k < a.Count; k++)
            {
                tap.Load(a, k, block);
                V w = Lanes.Read<V, T>(a.Weight.As<T>() + k * a.Pairs + block.Tap, block.Lanes) * tap.Inverse;
                if (F.IsCompact)
                {
                    Scatter(a, tap, w, cells);
                    continue;
                }
                T* cell = cells;
                for (int i = 0; i < a.Size[0]; i++)
                    for (int j = 0; j < s1; j++)
                    {
                        V line = w * V.Load(values0 + i * V.Count) * V.Load(values1 + j * V.Count);
                        for (int n = 0; n < s2; n++, cell += V.Count) V.MultiplyAdd(line, V.Load(values2 + n * V.Count), V.Load(cell)).Store(cell);
                    }
            }
            for (int c = 0; c < a.Cells; c++) Lanes.Write<V, T>(V.Load(cells + c * V.Count), a.Kernel.As<T>() + block.Kernel + (long)c * a.Channels, block.Lanes);
        }
    }

    struct DifferentiateBody : ICpuKernel<Batch>
    {
        public static void Run<T, V>(CpuDevice device, in Batch batch) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(batch.Items(V.Count), batch, &Item<T, V>);

        static void Item<T, V>(in Batch batch, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            ref readonly Args a = ref batch.Find(ref item, V.Count);
            Block block = a.Item(item, V.Count);
            int cellsAndMargin = a.Cells + Margin(a);
            T* cells = Workers.Local<T>((long)(cellsAndMargin + 2 * a.Lines) * V.Count);
            for (int c = 0; c < a.Cells; c++) Lanes.Read<V, T>(a.Kernel.As<T>() + block.Kernel + (long)c * a.Channels, block.Lanes).Store(cells + c * V.Count);
            Tap<T, V> tap = new() { Profiles = cells + cellsAndMargin * V.Count, Marginals = cells + (cellsAndMargin + a.Lines) * V.Count };
            for (int k = 0; k < a.Count; k++)
            {
                tap.Load(a, k, block);
                long at = k * a.Pairs + block.Tap;
                V w = Lanes.Read<V, T>(a.Weight.As<T>() + at, block.Lanes) * tap.Inverse;
                V sum = F.IsCompact ? Gather(a, tap, cells) : Contract<T, V>(a, cells, tap.Profiles, tap.Marginals);
                Lanes.Write<V, T>(sum * tap.Inverse, a.DWeight.As<T>() + at, block.Lanes);
                for (int axis = 0; axis < 3; axis++)
                {
                    if (a.Row[axis] < 0) continue;
                    (V dPosition, V dSigma) = Slopes(a, axis, tap);
                    long p = a.Row[axis] * a.Count * a.Pairs + at;
                    Lanes.Write<V, T>(w * dPosition, a.DPosition.As<T>() + p, block.Lanes);
                    if (F.HasSigma) Lanes.Write<V, T>(w * dSigma * tap.Sign[axis], a.DSigma.As<T>() + p, block.Lanes);
                }
            }
        }

        /// <summary>Σ G Π f (returned), and the marginals: for each line of each axis the sum of G times the f of the other axes.</summary>
        static V Contract<T, V>(in Args a, T* cell, T* f, T* marginal) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int s1 = a.Size[1], s2 = a.Size[2];
            T* f1 = f + a.Size[0] * V.Count, f2 = f1 + s1 * V.Count, m1 = marginal + a.Size[0] * V.Count, m2 = m1 + s1 * V.Count;
            new Span<T>(m1, (s1 + s2) * V.Count).Clear();
            V sum = V.Of(0);
            for (int i = 0; i < a.Size[0]; i++)
            {
                V f0 = V.Load(f + i * V.Count), plane = V.Of(0);
                for (int j = 0; j < s1; j++)
                {
                    V f01 = f0 * V.Load(f1 + j * V.Count), line = V.Of(0);
                    for (int n = 0; n < s2; n++, cell += V.Count)
                    {
                        V g = V.Load(cell);
                        line = V.MultiplyAdd(g, V.Load(f2 + n * V.Count), line);
                        V.MultiplyAdd(g, f01, V.Load(m2 + n * V.Count)).Store(m2 + n * V.Count);
                    }
                    V.MultiplyAdd(f0, line, V.Load(m1 + j * V.Count)).Store(m1 + j * V.Count);
                    plane = V.MultiplyAdd(V.Load(f1 + j * V.Count), line, plane);
                }
                plane.Store(marginal + i * V.Count);
                sum = V.MultiplyAdd(f0, plane, sum);
            }
            return sum;
        }

        /// <summary>
        /// Σₙ (Gₙ − A) ∂fₙ/∂θ for the position and the width along one axis. With M the marginals, r that of the line where f is largest, and F, F′ the sums of f and its slope
        /// along this axis, F° the product of the other axes' sums: Σ (M − r) f′ − F° F′/S · Σ (M − r) f + r F′ · 1e-7/S. Without r the first two would be nearly equal for a
        /// tap that has almost left the window, and single precision would lose their difference.
        /// </summary>
        static (V Position, V Sigma) Slopes<T, V>(in Args a, int axis, in Tap<T, V> tap)
            where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            T* f = tap.Profiles + tap.At(a, axis), marginal = tap.Marginals + tap.At(a, axis);
            int count = tap.Count[axis];
            V p = tap.Position[axis], origin = tap.Origin[axis], sig = tap.Sig[axis], narrowest = V.Of(a.NarrowestSigma), zero = V.Of(0), largest = zero, r = zero;
            if (F.Normalised)
                for (int n = 0; n < count; n++)
                {
                    V value = V.Load(f + n * V.Count), more = V.Greater(value, largest);
                    (largest, r) = (V.Select(more, value, largest), V.Select(more, V.Load(marginal + n * V.Count), r));
                }
            V values = zero, positions = zero, sigmas = zero, positionSlope = zero, sigmaSlope = zero;
            for (int n = 0; n < count; n++)
            {
                V cell = origin + V.Of(n), value = V.Load(f + n * V.Count), m = V.Load(marginal + n * V.Count) - r;
                V slope = F.PositionSlope(value, cell, p, sig, narrowest);
                positions = V.MultiplyAdd(m, slope, positions);
                positionSlope += slope;
                values = V.MultiplyAdd(m, value, values);
                if (!F.HasSigma) continue;
                slope = F.SigmaSlope(value, cell, p, sig, narrowest);
                sigmas = V.MultiplyAdd(m, slope, sigmas);
                sigmaSlope += slope;
            }
            if (!F.Normalised) return (positions, sigmas);
            V share = (r * V.Of(Guard) - values * tap.Sum[(axis + 1) % 3] * tap.Sum[(axis + 2) % 3]) * tap.Inverse;
            return (V.MultiplyAdd(share, positionSlope, positions), V.MultiplyAdd(share, sigmaSlope, sigmas));
        }
    }
}
