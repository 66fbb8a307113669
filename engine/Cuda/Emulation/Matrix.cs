using System.Runtime.Intrinsics;

namespace MiniTorch.Cuda.Emulation;

/// <summary>
/// ldmatrix and mma. The products are exact and summed in single precision in the order of k; hardware sums in another order. A lane is (group, place) = (lane / 4, lane % 4).
/// </summary>
internal static unsafe class Matrix
{
    const int Rows = 16, Columns = 8;

    /// <summary>ldmatrix: 8 by 8 matrices of 16 bits; lane 8i + r gives the address of row r of matrix i, and gets two neighbours of row (lane / 4), or of a column.</summary>
    internal static void Load(Warp w, Operation* o, uint mask)
    {
        CheckWhole(w, o, mask);
        int count = o->Count;
        Addresses.Compute(w, o->A, o->Wide, o->Offset, count == 4 ? mask : (1u << 8 * count) - 1, 16);
        SharedSpace.Place(w, o, mask, 16);
        OperationCounts* counts = w.Block.Counts + (o - w.Block.Code.Operations);
        for (int m = 0; m < count; m++)
        {
            counts->IdealWavefronts++;
            counts->Wavefronts += Wavefronts.Conflicts(w.Addresses + 8 * m, 255, 4);
            if (w.Block.Checks != Checks.None)
                for (int r = 0; r < 8; r++) for (int v = 0; v < 4; v++) w.Block.Shared.ReadWord(w, o, 8 * m + r, (int)(w.Addresses[8 * m + r] >> 2) + v, 15);
            uint* d = w.Register<uint>(o->List[m]);
            byte** row = w.At + 8 * m;
            for (int l = 0; l < Warp.Lanes; l++)
            {
                int group = l >> 2, place = 2 * (l & 3);
                d[l] = o->Modifier == 0 ? ((uint*)row[group])[l & 3] : ((ushort*)row[place])[group] | (uint)((ushort*)row[place + 1])[group] << 16;
            }
        }
    }

    /// <summary>mma of bf16 with k = 16 or 8 in <see cref="Operation.Modifier"/>.</summary>
    internal static void Brain(Warp w, Operation* o, uint mask)
    {
        CheckWhole(w, o, mask);
        int k = o->Modifier, registers = k / 4;                             // of A; B has half as many
        float* a = stackalloc float[Rows * 16];
        float* b = stackalloc float[16 * Columns];
        for (int q = 0; q < registers; q++)
        {
            uint* r = w.Register<uint>(o->List[4 + q]);
            for (int l = 0; l < Warp.Lanes; l++) Split(r[l], a + ((l >> 2) + 8 * (q & 1)) * k + 2 * (l & 3) + 8 * (q >> 1), 1);
        }
        for (int q = 0; q < registers / 2; q++)
        {
            uint* r = w.Register<uint>(o->List[4 + registers + q]);
            for (int l = 0; l < Warp.Lanes; l++) Split(r[l], b + (2 * (l & 3) + 8 * q) * Columns + (l >> 2), Columns);
        }
        Accumulate(w, o, a, b, k, 4 + registers + registers / 2);
    }

    /// <summary>mma of tf32 with k = 8 or 4: a float of which the lowest 13 bits do not count.</summary>
    internal static void Tensor(Warp w, Operation* o, uint mask)
    {
        CheckWhole(w, o, mask);
        int k = o->Modifier, registers = k / 2;
        float* a = stackalloc float[Rows * 8];
        float* b = stackalloc float[8 * Columns];
        for (int q = 0; q < registers; q++)
        {
            uint* r = w.Register<uint>(o->List[4 + q]);
            for (int l = 0; l < Warp.Lanes; l++) a[((l >> 2) + 8 * (q & 1)) * k + (l & 3) + 4 * (q >> 1)] = BitConverter.UInt32BitsToSingle(r[l] & 0xFFFFE000);
        }
        for (int q = 0; q < registers / 2; q++)
        {
            uint* r = w.Register<uint>(o->List[4 + registers + q]);
            for (int l = 0; l < Warp.Lanes; l++) b[((l & 3) + 4 * q) * Columns + (l >> 2)] = BitConverter.UInt32BitsToSingle(r[l] & 0xFFFFE000);
        }
        Accumulate(w, o, a, b, k, 4 + registers + registers / 2);
    }

    static void Split(uint pair, float* to, int step)
    {
        to[0] = BitConverter.UInt32BitsToSingle(pair << 16);
        to[step] = BitConverter.UInt32BitsToSingle(pair & 0xFFFF0000);
    }

    static void Accumulate(Warp w, Operation* o, float* a, float* b, int k, int c)
    {
        float* sum = stackalloc float[Rows * Columns];
        for (int q = 0; q < 4; q++)
        {
            float* r = w.Register<float>(o->List[c + q]);
            for (int l = 0; l < Warp.Lanes; l++) sum[((l >> 2) + 8 * (q >> 1)) * Columns + 2 * (l & 3) + (q & 1)] = r[l];
        }
        for (int m = 0; m < Rows; m++)
        {
            Vector256<float> row = Vector256.Load(sum + m * Columns);
            for (int i = 0; i < k; i++) row = Vector256.FusedMultiplyAdd(Vector256.Create(a[m * k + i]), Vector256.Load(b + i * Columns), row);
            row.Store(sum + m * Columns);
        }
        for (int q = 0; q < 4; q++)
        {
            float* r = w.Register<float>(o->List[q]);
            for (int l = 0; l < Warp.Lanes; l++) r[l] = sum[((l >> 2) + 8 * (q >> 1)) * Columns + 2 * (l & 3) + (q & 1)];
        }
    }

    static void CheckWhole(Warp w, Operation* o, uint mask)
    {
        if (mask != uint.MaxValue) throw w.Fault(o, BitOperations.TrailingZeroCount(mask), $"divergent: matrix instructions need all lanes, {mask:x8} are here");
    }
}
