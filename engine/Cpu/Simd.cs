using System.Runtime.Intrinsics;

namespace MiniTorch;

/// <summary>Register width that CPU kernels run at.</summary>
public readonly record struct Simd
{
    /// <summary>The environment variable that picks the width of new devices: 128, 256 or 512.</summary>
    public const string Variable = "MINITORCH_SIMD";

    /// <summary>128, 256 or 512 bits.</summary>
    public Simd(int bits)
    {
        if (bits is not (128 or 256 or 512)) throw new TensorException($"{Variable} must be 128, 256 or 512, got {bits}");
        Bits = bits;
    }

    /// <summary>Width in bits.</summary>
    public int Bits { get; }

    internal int Index => Bits == 128 ? 0 : Bits == 256 ? 1 : 2;

    /// <summary>What <see cref="Variable"/> says, else the widest that this processor runs in hardware.</summary>
    public static Simd Default
    {
        get
        {
            string? asked = Environment.GetEnvironmentVariable(Variable);
            if (!string.IsNullOrEmpty(asked)) return new(int.TryParse(asked, out int bits) ? bits : throw new TensorException($"{Variable} must be 128, 256 or 512, got '{asked}'"));
            return new(Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128);
        }
    }

    /// <summary>The width: 256-bit.</summary>
    public override string ToString() => $"{Bits}-bit";
}
