using System.Runtime.InteropServices;

namespace MiniTorch.Perf;

/// <summary>Whether two contenders computed the same thing. Only then are their times compared.</summary>
static class Agreement
{
    const double Tolerance = 1e-3;          // of the largest value of a tensor
    const double OfUpdate = 2e-2;           // of the whole update: Adam's first step is the sign of the gradient, so rounding turns a few of its elements round
    const double OfLength = 2e-2;           // of a tensor's length: a membrane next to its threshold is on one side of it here and on the other there
    const string After = "new ", Whole = "whole ";

    /// <summary>What differs, or null. "new X" is operand X after a training step; "whole X" is compared in its length, not element by element.</summary>
    internal static string? Difference(Safetensors operands, Safetensors ours, Safetensors theirs)
    {
        double moved = 0, apart = 0;
        foreach ((string name, StoredTensor a) in ours.Tensors)
        {
            if (!theirs.Tensors.TryGetValue(name, out StoredTensor? b)) return $"{name} is missing";
            if (a.Shape != b.Shape) return $"{name} is {b.Shape}, ours {a.Shape}";
            ReadOnlySpan<float> x = Values(a), y = Values(b);
            if (name.StartsWith(After, StringComparison.Ordinal))
            {
                ReadOnlySpan<float> before = Values(operands.Tensors[name[After.Length..]]);
                for (int i = 0; i < x.Length; i++)
                {
                    moved += Square((double)x[i] - before[i]);
                    apart += Square((double)x[i] - y[i]);
                }
            }
            else if (name.StartsWith(Whole, StringComparison.Ordinal))
            {
                if (Length(x, y) is var far && !(far <= OfLength)) return FormattableString.Invariant($"{name} differs by {far:0.0e0} of its length");
            }
            else if (Largest(x, y) is var error && !(error <= Tolerance)) return FormattableString.Invariant($"{name} differs by {error:0.0e0} of its largest value");
        }
        return apart <= OfUpdate * OfUpdate * moved ? null : FormattableString.Invariant($"the update differs by {Math.Sqrt(apart / moved):0.0e0} of its length");
    }

    /// <summary>Largest difference relative to the largest value; NaN if either has one.</summary>
    static double Largest(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        double size = 0, difference = 0;
        for (int i = 0; i < x.Length; i++)
        {
            size = Math.Max(size, Math.Abs(x[i]));
            difference = Math.Max(difference, Math.Abs((double)x[i] - y[i]));
        }
        return difference == 0 ? 0 : difference / size;
    }

    /// <summary>Length of the difference relative to that of x; NaN if either has one.</summary>
    static double Length(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        double size = 0, difference = 0;
        for (int i = 0; i < x.Length; i++)
        {
            size += Square(x[i]);
            difference += Square((double)x[i] - y[i]);
        }
        return difference == 0 ? 0 : Math.Sqrt(difference / size);
    }

    static double Square(double x) => x * x;

    static ReadOnlySpan<float> Values(StoredTensor x) => MemoryMarshal.Cast<byte, float>(x.Bytes.Span);
}
