namespace MiniTorch.Models;

/// <summary>The discrete Fourier transform of a fixed power of two of complex values, in double precision, for spectra of sound: X[k] = Σ x[n] e^(−2πi·kn/N).</summary>
sealed class Fourier
{
    readonly int[] order;               // bit reversal
    readonly Complex[] roots;           // e^(−2πi·k/N), k < N/2

    internal Fourier(int size)
    {
        if (!BitOperations.IsPow2(size)) throw new ArgumentException($"a spectrum is taken of a power of two of samples, got {size}", nameof(size));
        int bits = BitOperations.Log2((uint)size);
        order = new int[size];
        roots = new Complex[size / 2];
        for (int i = 1; i < size; i++) order[i] = order[i >> 1] >> 1 | (i & 1) << bits - 1;
        for (int k = 0; k < roots.Length; k++) roots[k] = Complex.FromPolarCoordinates(1, -2 * Math.PI * k / size);
    }

    /// <summary>In place.</summary>
    internal void Transform(Span<Complex> x)
    {
        for (int i = 0; i < x.Length; i++)
            if (i < order[i]) (x[i], x[order[i]]) = (x[order[i]], x[i]);
        for (int half = 1; half < x.Length; half *= 2)
            for (int begin = 0, step = x.Length / (2 * half); begin < x.Length; begin += 2 * half)
                for (int k = 0; k < half; k++)
                {
                    Complex odd = x[begin + half + k] * roots[k * step], even = x[begin + k];
                    (x[begin + k], x[begin + half + k]) = (even + odd, even - odd);
                }
    }
}
