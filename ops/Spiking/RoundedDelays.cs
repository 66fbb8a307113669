using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>
/// A delay layer whose taps each sit on one cell, for inference: y[t, b, o] = Σₖ Σᵢ W[k, i, o] / (1 + 10⁻⁷) · x[t − d[k, i, o], b, i] (+ bias[o]) with whole delays
/// d = S − 1 − (⌊S/2⌋ + round(P[k, i, o])), ties of P to even, held within 0 and S − 1. It is what <see cref="DelayConv"/> gives with a kernel drawn by
/// <see cref="TriangleWide"/> of SIG 0 from rounded positions, the official evaluation, whose normalisation is the divisor. Each element of x that is not 0 costs count · out additions,
/// whatever the window. Without gradient.
/// </summary>
public static unsafe partial class RoundedDelays
{
    const int Block = 256;              // outputs whose coming steps stay in the L1 cache

    /// <summary>What the weight of a tap counts with.</summary>
    public const double Normalisation = 1 / (1 + 1e-7);

    /// <summary>The whole delay that a position counts with, 0 to size − 1.</summary>
    public static int Delay<T>(T position, int size) where T : IBinaryFloatingPointIeee754<T>
        => size - 1 - Math.Clamp(size / 2 + int.CreateSaturating(T.Round(position, MidpointRounding.ToEven)), 0, size - 1);

    /// <summary>x [time, batch, in], weight and P [count, in, out], bias [out]: [time + after, batch, out]. After is (S − 1) / 2 unless given.</summary>
    public static Tensor Of(Tensor x, Tensor weight, Tensor position, int size, Tensor? bias = null, int? after = null)
    {
        Expect.Real(x);
        Expect.Alike(x, weight);
        Expect.Alike(x, position);
        Expect.That(x.Shape.Rank == 3, "x must be [time, batch, in]", x);
        Expect.That(weight.Shape.Rank == 3 && weight.Shape[1] == x.Shape[2], $"weight must be [count, {x.Shape[2]}, out]", weight);
        Expect.Shape(position, weight.Shape);
        if (bias is not null)
        {
            Expect.Shape(bias, [weight.Shape[2]]);
            Expect.Alike(x, bias);
        }
        int behind = after ?? (size - 1) / 2;
        if (size < 1 || behind < 0) throw new TensorException($"RoundedDelays: a window has at least 1 step and at least 0 steps come after, got {size} and {behind}");
        if (Tape.Tracks(x, weight, position)) throw new TensorException("RoundedDelays: whole delays have no gradient; pause the tape, or train with DelayConv");
        Tensor y = Tensor.Like(x, [x.Shape[0] + behind, x.Shape[1], weight.Shape[2]]);
        forward.Launch(x.Device, x.DType, new(x, weight, position, bias, y, x.Shape[0], x.Shape[1], x.Shape[2], weight.Shape[2], weight.Shape[0], size, behind));
        return y;
    }

    /// <summary>Places: of each tap in the coming steps, filled in on the CPU.</summary>
    readonly record struct Args(Pointer X, Pointer Weight, Pointer Position, Pointer Bias, Pointer Y, int Time, int Batch, int Inputs, int Outputs, int Count, int Size, int After, Pointer Places = default)
        : ICost
    {
        /// <summary>As if no x were 0.</summary>
        public Cost Cost(int size) => new(2.0 * Time * Batch * Inputs * Outputs * Count, size * ((double)Batch * (Time * Inputs + (Time + After) * Outputs) + 2.0 * Count * Inputs * Outputs),
            $"{Time}x{Batch}x{Inputs} d{Size} of {Count} to {Outputs}");
    }

    static readonly Kernel<Args> forward = Kernel<Args>.OnSingle<Body, Cuda>("RoundedDelays");

    struct Body : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            using Scratch scratch = device.Scratch((long)args.Count * args.Inputs * args.Outputs * sizeof(int));
            Args placed = args with { Places = Pointer.At(scratch.As<int>()) };
            device.Workers.For(args.Count * args.Inputs, placed, &Place<T>);
            device.Workers.For(args.Batch * Workers.Blocks(args.Outputs, Block), placed, &Sequence<T>);
        }

        /// <summary>Where an input's taps lie among the coming steps of a block of outputs.</summary>
        static void Place<T>(in Args args, int tap) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            T* position = args.Position.As<T>() + (long)tap * args.Outputs;
            int* places = args.Places.As<int>() + (long)tap * args.Outputs;
            for (int o = 0; o < args.Outputs; o++)
            {
                int first = o / Block * Block, width = Math.Min(Block, args.Outputs - first);
                places[o] = Delay(position[o], args.Size) * width + o - first;
            }
        }

        /// <summary>A sequence's block of outputs, step after step. What is to come of them is a window of rows that moves on, and back to the start once it has come as far as it is long.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        static void Sequence<T>(in Args args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            int blocks = Workers.Blocks(args.Outputs, Block), b = item / blocks, first = item % blocks * Block, width = Math.Min(Block, args.Outputs - first), window = args.Size * width;
            T* coming = Workers.Local<T>(2L * window), row = coming, bias = args.Bias.IsNull ? null : args.Bias.As<T>() + first, normalisation = stackalloc T[1] { T.CreateTruncating(Normalisation) };
            new Span<T>(coming, 2 * window).Clear();
            for (int t = 0; t < args.Time + args.After; t++, row += width)
            {
                if (row == coming + window)
                {
                    new Span<T>(row, window).CopyTo(new(coming, window));
                    new Span<T>(row, window).Clear();
                    row = coming;
                }
                T* x = args.X.As<T>() + ((long)t * args.Batch + b) * args.Inputs;
                for (int i = 0; i < args.Inputs && t < args.Time; i++)
                {
                    T value = x[i];
                    if (value == T.Zero) continue;
                    for (int k = 0; k < args.Count; k++)
                    {
                        long tap = ((long)k * args.Inputs + i) * args.Outputs + first;
                        T* weight = args.Weight.As<T>() + tap;
                        int* places = args.Places.As<int>() + tap;
                        for (int o = 0; o < width; o++) row[places[o]] += value * weight[o];
                    }
                }
                T* y = args.Y.As<T>() + ((long)t * args.Batch + b) * args.Outputs + first;
                for (int o = 0; o < width; o++) y[o] = bias == null ? row[o] * *normalisation : row[o] * *normalisation + bias[o];
            }
        }
    }
}
