namespace MiniTorch.Models;

/// <summary>How sound becomes a mel spectrogram in decibels.</summary>
/// <param name="SampleRate">Samples a second.</param>
/// <param name="FftSize">Samples of a window, a power of two.</param>
/// <param name="Hop">Samples from window to window.</param>
/// <param name="Mels">Bands.</param>
/// <param name="LowestHz">Where the first band begins.</param>
/// <param name="HighestHz">
/// Where the last band ends. Above half the sample rate there is nothing: bands there stay empty, as in the published Speech Commands recipe for networks with delays, which
/// asks for 14 kHz of sound sampled at 8 kHz.
/// </param>
/// <param name="TopDecibels">Values are at least the largest minus this; null for no floor.</param>
/// <param name="Mean">Subtracted from the decibels.</param>
/// <param name="Deviation">What the difference is divided by.</param>
public sealed record MelOptions(int SampleRate, int FftSize, int Hop, int Mels, double LowestHz, double HighestHz, double? TopDecibels = null, double Mean = 0, double Deviation = 1);

/// <summary>
/// A mel spectrogram as torchaudio computes it: windows of a periodic Hann function, centred, the ends reflected; |STFT|²; triangles of height 1 whose corners lie evenly on the
/// mel scale m = 2595 log₁₀(1 + f/700); 10 log₁₀ of at least 1e-10. Source: torchaudio's functional, HTK scale without area normalisation.
/// </summary>
public sealed class MelSpectrogram
{
    const double Quietest = 1e-10;

    readonly MelOptions options;
    readonly Fourier fourier;
    readonly double[] window;

    /// <summary>Prepares the window and the bands.</summary>
    public MelSpectrogram(MelOptions options)
    {
        if (options.Hop < 1 || options.Mels < 1 || options.SampleRate < 1) throw new ArgumentException($"hop, bands and sample rate are at least 1, got {options.Hop}, {options.Mels} and {options.SampleRate}");
        if (!(options.LowestHz >= 0 && options.HighestHz > options.LowestHz)) throw new ArgumentException($"bands lie between two frequencies, got {options.LowestHz} to {options.HighestHz} Hz");
        this.options = options;
        fourier = new(options.FftSize);
        window = new double[options.FftSize];
        for (int n = 0; n < window.Length; n++) window[n] = 0.5 - 0.5 * Math.Cos(2 * Math.PI * n / window.Length);
        double low = Mel(options.LowestHz), high = Mel(options.HighestHz);
        Corners = new double[options.Mels + 2];
        for (int i = 0; i < Corners.Length; i++) Corners[i] = 700 * (Math.Pow(10, (low + (high - low) * i / (options.Mels + 1)) / 2595) - 1);
        Filters = new double[Bins, options.Mels];
        for (int bin = 0; bin < Bins; bin++)
            for (int m = 0; m < options.Mels; m++)
            {
                double f = (double)bin * options.SampleRate / options.FftSize;
                double up = (f - Corners[m]) / (Corners[m + 1] - Corners[m]), down = (Corners[m + 2] - f) / (Corners[m + 2] - Corners[m + 1]);
                Filters[bin, m] = Math.Max(0, Math.Min(up, down));
            }

        static double Mel(double hz) => 2595 * Math.Log10(1 + hz / 700);
    }

    /// <summary>Where the bands begin, peak and end, in Hz: band m has corners m, m + 1 and m + 2.</summary>
    public IReadOnlyList<double> FrequencyPoints => Corners;

    /// <summary>Frequencies of a spectrum.</summary>
    internal int Bins => options.FftSize / 2 + 1;

    internal double[] Corners { get; }

    /// <summary>[frequency, band].</summary>
    internal double[,] Filters { get; }

    /// <summary>Windows of so many samples.</summary>
    public int Frames(int samples) => 1 + samples / options.Hop;

    /// <summary>Power in each band, [frame, band].</summary>
    internal double[,] Power(ReadOnlySpan<float> wave)
    {
        double[,] power = new double[Frames(wave.Length), options.Mels];
        double[] spectrum = new double[Bins];
        Complex[] work = new Complex[options.FftSize];
        for (int frame = 0; frame < power.GetLength(0); frame++)
        {
            Spectrum(wave, frame, spectrum, work);
            for (int m = 0; m < options.Mels; m++)
                for (int bin = 0; bin < spectrum.Length; bin++) power[frame, m] += spectrum[bin] * Filters[bin, m];
        }
        return power;
    }

    /// <summary>|STFT|² of a window; work has the size of one.</summary>
    internal void Spectrum(ReadOnlySpan<float> wave, int frame, Span<double> spectrum, Span<Complex> work)
    {
        if (wave.Length <= options.FftSize / 2) throw new ArgumentException($"sound of {wave.Length} samples cannot be reflected by {options.FftSize / 2}; at least one more is needed");
        int begin = frame * options.Hop - options.FftSize / 2;
        for (int n = 0; n < work.Length; n++)
        {
            int at = Math.Abs(begin + n);
            if (at >= wave.Length) at = 2 * (wave.Length - 1) - at;
            work[n] = wave[at] * window[n];
        }
        fourier.Transform(work);
        for (int bin = 0; bin < spectrum.Length; bin++) spectrum[bin] = work[bin].Real * work[bin].Real + work[bin].Imaginary * work[bin].Imaginary;
    }

    /// <summary>Normalised decibels, [frame, band].</summary>
    public double[,] Of(ReadOnlySpan<float> wave)
    {
        double[,] values = Power(wave);
        double largest = double.NegativeInfinity;
        for (int frame = 0; frame < values.GetLength(0); frame++)
            for (int m = 0; m < options.Mels; m++) largest = Math.Max(largest, values[frame, m] = 10 * Math.Log10(Math.Max(values[frame, m], Quietest)));
        double least = largest - options.TopDecibels ?? double.NegativeInfinity;
        for (int frame = 0; frame < values.GetLength(0); frame++)
            for (int m = 0; m < options.Mels; m++) values[frame, m] = (Math.Max(values[frame, m], least) - options.Mean) / options.Deviation;
        return values;
    }
}
