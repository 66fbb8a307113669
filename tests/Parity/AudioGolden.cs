using MiniTorch.Models;

namespace MiniTorch.Tests.Parity;

/// <summary>The mel front end, which computes in double precision whatever the type of the case.</summary>
public sealed class AudioGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All => [("audio-mel", Mel), ("audio-melbank", Bank), ("audio-pad", Pad)];

    static MelOptions Options(GoldenCase c) => new(c.Int("sample_rate"), c.Int("n_fft"), c.Has("hop_length") ? c.Int("hop_length") : 1, c.Int("n_mels"), c.Number("f_min"), c.Number("f_max"),
        !c.Has("top_db") || c.Text("top_db") == "none" ? null : c.Number("top_db"), c.Has("mean") ? c.Number("mean") : 0, c.Has("std") ? c.Number("std") : 1);

    static void Mel(GoldenCase c)
    {
        foreach ((string key, string value) in (ReadOnlySpan<(string, string)>)[("window", "periodic Hann"), ("center", "true"), ("pad_mode", "reflect"), ("onesided", "true")])
            if (c.Text(key) != value) throw c.Unknown(key);
        if (c.Int("win_length") != c.Int("n_fft")) throw c.Unknown("win_length");
        MelSpectrogram mel = new(Options(c));
        float[] wave = Array.ConvertAll(c.Read("wave", Layout.Same).Values, static v => (float)v);
        double[] spectrum = new double[mel.Bins];
        mel.Spectrum(wave, c.Int("spec_frame_index"), spectrum, new System.Numerics.Complex[c.Int("n_fft")]);
        Assert.Equal(c.Int("frames"), mel.Frames(wave.Length));
        c.Check("f_pts", mel.Corners);
        c.Check("spec_frame", spectrum);
        c.Check("mel", Transposed(mel.Power(wave)));
        c.Check("norm", Transposed(mel.Of(wave)));
    }

    static void Bank(GoldenCase c)
    {
        MelSpectrogram mel = new(Options(c));
        c.Check("f_pts", mel.Corners);
        c.Check("fb", [.. mel.Filters.Cast<double>()]);
    }

    static void Pad(GoldenCase c)
    {
        foreach (string name in (ReadOnlySpan<string>)["short", "long"])
            c.Check(name + "_out", Array.ConvertAll(SoundFile.Fit(Array.ConvertAll(c.Read(name, Layout.Same).Values, static v => (float)v), c.Int("audio_length")), static v => (double)v));
    }

    /// <summary>Files are (mel, frame).</summary>
    static double[] Transposed(double[,] x) => [.. from m in Enumerable.Range(0, x.GetLength(1)) from frame in Enumerable.Range(0, x.GetLength(0)) select x[frame, m]];
}
