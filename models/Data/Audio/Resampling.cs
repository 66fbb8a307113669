namespace MiniTorch.Models;

/// <summary>
/// Sound at another sample rate: y at time t is Σ x[n] h(t − n) with h a sinc of the lower of the two rates, a little lowered, in a Hann window of six of its zeros on each side.
/// Source: J. O. Smith's resampling, with the constants of torchaudio's functional.
/// </summary>
static class Resampling
{
    const double RollOff = 0.99;
    const int Zeros = 6;

    /// <summary>The same sound with another number of samples a second.</summary>
    internal static float[] To(int rate, WaveFile sound)
    {
        if (sound.SampleRate == rate) return sound.Samples;
        int divisor = (int)BigInteger.GreatestCommonDivisor(rate, sound.SampleRate), up = rate / divisor, down = sound.SampleRate / divisor;
        double cut = Math.Min(up, down) * RollOff;          // in units of the common rate
        int reach = (int)Math.Ceiling(Zeros * down / cut);
        double[][] phases = [.. Enumerable.Range(0, up).Select(phase => Enumerable.Range(-reach, 2 * reach + down).Select(n => Tap(n, phase)).ToArray())];
        float[] x = sound.Samples, y = new float[(int)(((long)x.Length * up + down - 1) / down)];
        for (int i = 0; i < y.Length; i++)
        {
            int begin = i / up * down - reach;
            double[] taps = phases[i % up];
            double sum = 0;
            for (int k = Math.Max(0, -begin); k < taps.Length && begin + k < x.Length; k++) sum += taps[k] * x[begin + k];
            y[i] = (float)sum;
        }
        return y;

        double Tap(int n, int phase)
        {
            double t = Math.Clamp((n / (double)down - phase / (double)up) * cut, -Zeros, Zeros), hann = Math.Cos(t * Math.PI / (2 * Zeros));
            return hann * hann * (t == 0 ? 1 : Math.Sin(Math.PI * t) / (Math.PI * t)) * cut / down;
        }
    }
}
