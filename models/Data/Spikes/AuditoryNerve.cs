namespace MiniTorch.Models;

/// <summary>
/// Turns sound into the spikes of an auditory nerve: high notes raised by y[t] = x[t] − 0.9 x[t−1], as speech has little of them; bands of gammatone filters of fourth order, evenly spaced on the ERB-rate scale, each followed by half-wave rectification,
/// log compression ln(1 + r/r₀), a low-pass of first order and a leaky integrate-and-fire neuron with a refractory time. The raised sound is brought to one loudness before.
/// Sources: Glasberg and Moore (1990) for the scale ERB(f) = 24.7 (1 + 4.37 f/1000), Hohmann (2002) for the filters as powers of a complex pole.
/// </summary>
public sealed class AuditoryNerve
{
    const int Order = 4;
    const double LowestHz = 60, HighestHz = 7400, PoleWidth = 1.019;        // of an ERB, for a fourth-order filter
    const double Loudness = 0.05, Softest = 2e-4;       // root mean square of the sound, and r₀
    const double Raise = 0.9, LowPassHz = 250, MembraneSeconds = 0.008, RefractorySeconds = 0.005, Drive = 1.05;

    const float Threshold = 0.3f;

    readonly float[] poleReal, poleImaginary, gain;
    readonly int units;

    /// <summary>A nerve with so many bands, for sound at <see cref="SampleRate"/>.</summary>
    public AuditoryNerve(int units)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(units, 1);
        this.units = units;
        int padded = (units + Vector<float>.Count - 1) / Vector<float>.Count * Vector<float>.Count;
        (poleReal, poleImaginary, gain) = (new float[padded], new float[padded], new float[padded]);
        double low = Rate(LowestHz), high = Rate(HighestHz);
        for (int i = 0; i < units; i++)
        {
            double f = Frequency(units == 1 ? low : low + (high - low) * i / (units - 1)), width = 24.7 * (1 + 4.37 * f / 1000);
            Complex pole = Complex.FromPolarCoordinates(Math.Exp(-2 * Math.PI * PoleWidth * width / SampleRate), 2 * Math.PI * f / SampleRate);
            (poleReal[i], poleImaginary[i], gain[i]) = ((float)pole.Real, (float)pole.Imaginary, (float)(2 * Math.Pow(1 - pole.Magnitude, Order)));
        }

        static double Rate(double hz) => 21.4 * Math.Log10(1 + 4.37 * hz / 1000);
        static double Frequency(double rate) => (Math.Pow(10, rate / 21.4) - 1) * 1000 / 4.37;
    }

    /// <summary>Samples a second of the sound it takes.</summary>
    public static int SampleRate => 16000;

    /// <summary>The spikes of a sound, in order of time and unit.</summary>
    public List<Spike> Listen(ReadOnlySpan<float> sound)
    {
        float[] raised = new float[sound.Length];
        double energy = 0;
        for (int t = 0; t < raised.Length; t++)
        {
            raised[t] = sound[t] - (t == 0 ? 0 : (float)Raise * sound[t - 1]);
            energy += raised[t] * (double)raised[t];
        }
        List<Spike> spikes = [];
        if (energy == 0) return spikes;
        float loudness = (float)(Loudness / Math.Sqrt(energy / raised.Length));
        for (int first = 0; first < units; first += Vector<float>.Count) Listen(raised, loudness, first, spikes);
        spikes.Sort(static (a, b) => a.Time != b.Time ? a.Time.CompareTo(b.Time) : a.Unit.CompareTo(b.Unit));
        return spikes;
    }

    /// <summary>A register of bands.</summary>
    void Listen(ReadOnlySpan<float> sound, float loudness, int first, List<Spike> spikes)
    {
        Vector<float> real = new(poleReal, first), imaginary = new(poleImaginary, first), scale = new Vector<float>(gain, first) * loudness;
        Vector<float> r0 = default, r1 = default, r2 = default, r3 = default, i0 = default, i1 = default, i2 = default, i3 = default;
        Vector<float> smooth = default, membrane = default, resting = default, one = Vector<float>.One, softer = new((float)(1 / Softest));
        Vector<float> lowPass = new((float)(1 - Math.Exp(-2 * Math.PI * LowPassHz / SampleRate))), leak = new((float)(1 - Math.Exp(-1 / (MembraneSeconds * SampleRate))));
        Vector<float> drive = new((float)(Drive / Math.Log(1 + Loudness / Softest))), refractory = new((float)(RefractorySeconds * SampleRate));
        for (int t = 0; t < sound.Length; t++)
        {
            Vector<float> x = scale * sound[t];
            (r0, i0) = (real * r0 - imaginary * i0 + x, real * i0 + imaginary * r0);
            (r1, i1) = (real * r1 - imaginary * i1 + r0, real * i1 + imaginary * r1 + i0);
            (r2, i2) = (real * r2 - imaginary * i2 + r1, real * i2 + imaginary * r2 + i1);
            (r3, i3) = (real * r3 - imaginary * i3 + r2, real * i3 + imaginary * r3 + i2);
            Vector<float> current = Vector.Log(one + Vector.Max(r3, Vector<float>.Zero) * softer) * drive;
            smooth += (current - smooth) * lowPass;
            Vector<float> awake = Vector.ConditionalSelect(Vector.GreaterThan(resting, Vector<float>.Zero), Vector<float>.Zero, one);
            membrane = (membrane + (smooth - membrane) * leak) * awake;
            resting = Vector.Max(resting - one, Vector<float>.Zero);
            Vector<int> fires = Vector.GreaterThan(membrane, new Vector<float>(Threshold));
            if (fires == Vector<int>.Zero) continue;
            for (int lane = 0; lane < Vector<float>.Count && first + lane < units; lane++)
                if (fires[lane] != 0) spikes.Add(new((float)t / SampleRate, (ushort)(first + lane)));
            membrane = Vector.ConditionalSelect(fires, Vector<float>.Zero, membrane);
            resting = Vector.ConditionalSelect(fires, refractory, resting);
        }
    }
}
