using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <remarks>
/// On the CPU a lane is a channel. An item owns one register of channels of one plane (a cell of the dense axes): it keeps their kernel (cells × lanes) in a thread's
/// buffer, so that nothing is shared between items, and walks the taps; each tap needs only its profiles, one register per grid line and axis.
/// </remarks>
public sealed unsafe partial class DclsKernel<F>
{
    [InlineArray(3)] struct Three<N> { N first; }

    record struct Args
    {
        internal Pointer Weight, Position, Sigma, Kernel, DWeight, DPosition, DSigma;
        internal int Planes, Channels, Count;
        internal double NarrowestSigma;
        internal Three<int> Size, Row;
        internal Three<double> Centre;

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

    /// <summary>Where an item's channels start in a tap's values and in the kernel, and how many there are.</summary>
    readonly record struct Block(long Tap, long Kernel, int Lanes);

    static readonly Kernel<Args> draw = Kernel<Args>.On<DrawBody>($"DclsKernel.draw {F.Version}");
    static readonly Kernel<Args> differentiate = Kernel<Args>.On<DifferentiateBody>($"DclsKernel.differentiate {F.Version}");

    /// <summary>One tap of one register of channels: profiles and slopes along the axes, and 1/S.</summary>
    ref struct Tap<T, V> where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        internal V Inverse;
        internal T* Values, PositionSlopes, SigmaSlopes;
        internal Sums<V> Value, PositionSlope, SigmaSlope;

        /// <summary>Fills the profiles; the slopes only where asked for. Value, PositionSlope, SigmaSlope are their sums along each axis.</summary>
        internal void Load(in Args a, int k, Block block, bool slopes)
        {
            T* values = Values, positionSlopes = PositionSlopes, sigmaSlopes = SigmaSlopes;
            for (int axis = 0; axis < 3; axis++)
            {
                V p = V.Of(0), sigma = V.Of(1), sign = V.Of(0), value = V.Of(0), positionSlope = V.Of(0), sigmaSlope = V.Of(0);
                int row = a.Row[axis];
                if (row >= 0)
                {
                    long at = ((long)row * a.Count + k) * a.Pairs + block.Tap;
                    p = Lane(a.Position.As<T>() + at, block.Lanes);
                    sigma = V.Of(a.NarrowestSigma);
                    if (F.HasSigma)
                    {
                        V s = Lane(a.Sigma.As<T>() + at, block.Lanes);
                        sigma = V.Abs(s) + sigma;
                        sign = V.Select(V.Greater(s, V.Of(0)), V.Of(1), V.Select(V.Greater(V.Of(0), s), V.Of(-1), V.Of(0)));
                    }
                }
                for (int n = 0; n < a.Size[axis]; n++, values += V.Count, positionSlopes += V.Count, sigmaSlopes += V.Count)
                {
                    V cell = V.Of(n - a.Centre[axis]), f = row >= 0 ? F.Value(cell - p, sigma) : V.Of(1);
                    f.Store(values);
                    value += f;
                    if (!slopes) continue;
                    V fp = row >= 0 ? F.PositionSlope(cell, p, sigma) : V.Of(0), fs = row >= 0 && F.HasSigma ? F.SigmaSlope(cell, p, sigma) * sign : V.Of(0);
                    fp.Store(positionSlopes);
                    fs.Store(sigmaSlopes);
                    positionSlope += fp;
                    sigmaSlope += fs;
                }
                Value[axis] = value;
                PositionSlope[axis] = positionSlope;
                SigmaSlope[axis] = sigmaSlope;
            }
            Inverse = F.Normalised ? V.Of(1) / (Value[0] * Value[1] * Value[2] + V.Of(1e-7)) : V.Of(1);
        }

        internal static V Lane(T* at, int lanes) => lanes == V.Count ? V.Load(at) : Lanes.LoadPartial<V, T>(at, lanes);

        internal static void Lane(V value, T* at, int lanes)
        {
            if (lanes == V.Count) value.Store(at);
            else Lanes.StorePartial(value, at, lanes);
        }
    }

    [InlineArray(3)] struct Sums<V> { V first; }

    struct DrawBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(a.Items(V.Count), a, &Item<T, V>);

        static void Item<T, V>(in Args a, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            Block block = a.Item(item, V.Count);
            int s1 = a.Size[1], s2 = a.Size[2];
            T* cells = Workers.Local<T>((long)(a.Cells + a.Lines) * V.Count);
            new Span<T>(cells, a.Cells * V.Count).Clear();
            Tap<T, V> tap = new() { Values = cells + a.Cells * V.Count };
            T* values0 = tap.Values, values1 = values0 + a.Size[0] * V.Count, values2 = values1 + s1 * V.Count;
            for (int k = 0; k < a.Count; k++)
            {
                tap.Load(a, k, block, slopes: false);
                V w = Tap<T, V>.Lane(a.Weight.As<T>() + k * a.Pairs + block.Tap, block.Lanes) * tap.Inverse;
                T* cell = cells;
                for (int i = 0; i < a.Size[0]; i++)
                    for (int j = 0; j < s1; j++)
                    {
                        V line = w * V.Load(values0 + i * V.Count) * V.Load(values1 + j * V.Count);
                        for (int n = 0; n < s2; n++, cell += V.Count) V.MultiplyAdd(line, V.Load(values2 + n * V.Count), V.Load(cell)).Store(cell);
                    }
            }
            for (int c = 0; c < a.Cells; c++) Tap<T, V>.Lane(V.Load(cells + c * V.Count), a.Kernel.As<T>() + block.Kernel + (long)c * a.Channels, block.Lanes);
        }
    }

    struct DifferentiateBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(a.Items(V.Count), a, &Item<T, V>);

        static void Item<T, V>(in Args a, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            Block block = a.Item(item, V.Count);
            T* cells = Workers.Local<T>((long)(a.Cells + 3 * a.Lines) * V.Count);
            for (int c = 0; c < a.Cells; c++) Tap<T, V>.Lane(a.Kernel.As<T>() + block.Kernel + (long)c * a.Channels, block.Lanes).Store(cells + c * V.Count);
            Tap<T, V> tap = new() { Values = cells + a.Cells * V.Count };
            tap.PositionSlopes = tap.Values + a.Lines * V.Count;
            tap.SigmaSlopes = tap.PositionSlopes + a.Lines * V.Count;
            for (int k = 0; k < a.Count; k++)
            {
                tap.Load(a, k, block, slopes: true);
                long at = k * a.Pairs + block.Tap;
                V w = Tap<T, V>.Lane(a.Weight.As<T>() + at, block.Lanes) * tap.Inverse;
                Sums<V> dPosition = default, dSigma = default;
                V mean = Contract<T, V>(a, cells, tap, ref dPosition, ref dSigma) * tap.Inverse;        // A
                Tap<T, V>.Lane(mean, a.DWeight.As<T>() + at, block.Lanes);
                V share = F.Normalised ? mean : V.Of(0);
                for (int axis = 0; axis < 3; axis++)
                {
                    if (a.Row[axis] < 0) continue;
                    V others = share * tap.Value[(axis + 1) % 3] * tap.Value[(axis + 2) % 3];
                    long p = a.Row[axis] * a.Count * a.Pairs + at;
                    Tap<T, V>.Lane(w * (dPosition[axis] - others * tap.PositionSlope[axis]), a.DPosition.As<T>() + p, block.Lanes);
                    if (F.HasSigma) Tap<T, V>.Lane(w * (dSigma[axis] - others * tap.SigmaSlope[axis]), a.DSigma.As<T>() + p, block.Lanes);
                }
            }
        }

        /// <summary>Σ G Π f (returned), and for each axis the same sum with that axis' f replaced by its slope to position and to width.</summary>
        static V Contract<T, V>(in Args a, T* cell, in Tap<T, V> tap, ref Sums<V> dPosition, ref Sums<V> dSigma)
            where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int s1 = a.Size[1], s2 = a.Size[2], start1 = a.Size[0] * V.Count, start2 = start1 + s1 * V.Count;
            T* f = tap.Values, p = tap.PositionSlopes, s = tap.SigmaSlopes;
            V sum = V.Of(0), p0 = sum, p1 = sum, p2 = sum, s0 = sum, s1Sum = sum, s2Sum = sum;
            for (int i = 0; i < a.Size[0]; i++)
            {
                V f0 = V.Load(f + i * V.Count), planeF = V.Of(0), planeP = planeF, planeS = planeF;        // over the lines of this plane
                V lineP = planeF, lineS = planeF;
                for (int j = 0; j < s1; j++)
                {
                    V g = V.Of(0), gp = g, gs = g;
                    for (int n = 0; n < s2; n++, cell += V.Count)
                    {
                        V value = V.Load(cell);
                        int at = start2 + n * V.Count;
                        g = V.MultiplyAdd(value, V.Load(f + at), g);
                        gp = V.MultiplyAdd(value, V.Load(p + at), gp);
                        if (F.HasSigma) gs = V.MultiplyAdd(value, V.Load(s + at), gs);
                    }
                    int line = start1 + j * V.Count;
                    V f1 = V.Load(f + line);
                    planeF = V.MultiplyAdd(f1, g, planeF);
                    planeP = V.MultiplyAdd(f1, gp, planeP);
                    planeS = V.MultiplyAdd(f1, gs, planeS);
                    lineP = V.MultiplyAdd(V.Load(p + line), g, lineP);
                    if (F.HasSigma) lineS = V.MultiplyAdd(V.Load(s + line), g, lineS);
                }
                sum = V.MultiplyAdd(f0, planeF, sum);
                p0 = V.MultiplyAdd(V.Load(p + i * V.Count), planeF, p0);
                p1 = V.MultiplyAdd(f0, lineP, p1);
                p2 = V.MultiplyAdd(f0, planeP, p2);
                if (!F.HasSigma) continue;
                s0 = V.MultiplyAdd(V.Load(s + i * V.Count), planeF, s0);
                s1Sum = V.MultiplyAdd(f0, lineS, s1Sum);
                s2Sum = V.MultiplyAdd(f0, planeS, s2Sum);
            }
            (dPosition[0], dPosition[1], dPosition[2]) = (p0, p1, p2);
            (dSigma[0], dSigma[1], dSigma[2]) = (s0, s1Sum, s2Sum);
            return sum;
        }
    }
}
