using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;

namespace MiniTorch.Models;

/// <summary>
/// Spoken digits as spikes: zero to nine and null to neun, 20 classes as in the Heidelberg digits, said by the voices of the speech synthesizers espeak-ng and flite and by the
/// people whose recordings Debian packages, heard by an <see cref="AuditoryNerve"/>. Every fourth voice of espeak-ng is held out; another synthesizer and people make sets of
/// their own. A recording depends on the seed and its number alone.
/// </summary>
public sealed class SpokenDigits
{
    const uint SpeechStream = 0xD161;
    const int HeldOutEvery = 4, English = 10, Frames = 90;
    const string Synthesizer = "espeak-ng", OtherSynthesizer = "flite";

    static readonly string[] accents = ["en", "en-us", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-rp", "en-gb-x-gbcwmd"], otherVoices = ["awb", "kal16", "rms", "slt"];

    readonly AuditoryNerve nerve;
    readonly ulong seed;
    readonly string[] variants;

    /// <summary>Asks the synthesizer for its voices; an <see cref="InvalidOperationException"/> names the package that is missing.</summary>
    public SpokenDigits(int units = 140, ulong seed = 0)
    {
        (nerve, this.seed, Units) = (new(units), seed, units);
        IEnumerable<string> names = Run(Synthesizer, "--voices=variant").Output.Split('\n').Where(static l => l.Contains("!v/", StringComparison.Ordinal))
            .Select(static l => l[(l.IndexOf("!v/", StringComparison.Ordinal) + 3)..].Trim()).Order(StringComparer.Ordinal);
        variants = [.. names.DistinctBy(static v => Convert.ToHexString(SHA256.HashData(Run(Synthesizer, "-v", $"{accents[0]}+{v}", "--stdout", Words[0]).Bytes)))];        // some have two names
        if (variants.Length < HeldOutEvery) throw new InvalidOperationException($"{Synthesizer} knows {variants.Length} variants of its voices; install the package espeak-ng-data");
    }

    /// <summary>The words, by class.</summary>
    public static IReadOnlyList<string> Words { get; } =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"];

    /// <summary>Units of the ear.</summary>
    public int Units { get; }

    /// <summary>The voices, one a speaker.</summary>
    public IReadOnlyList<string> Voices => variants;

    /// <summary>The embedded recordings, 1,100 by 55 voices and 380 by 19 others, in frames of 10 ms.</summary>
    public static (SpikeFile Train, SpikeFile HeldOut) Embedded() => (Resource("spoken-digits-train.h5"), Resource("spoken-digits-test.h5"));

    static SpikeFile Resource(string name)
    {
        using Stream packed = typeof(SpokenDigits).Assembly.GetManifestResourceStream(name + ".br") ?? throw new InvalidOperationException($"the library embeds no {name}");
        using BrotliStream unpacked = new(packed, CompressionMode.Decompress);
        MemoryStream file = new();
        unpacked.CopyTo(file);
        return new(file, name, Frames);
    }

    /// <summary>So many recordings by the voices that are trained with, or by those that are held out. Classes and voices take turns; accent, speed and pitch are drawn.</summary>
    public SpikeSample[] Synthesized(int count, bool heldOut, Action<int>? progress = null, CancellationToken stop = default)
    {
        int[] speakers = [.. Enumerable.Range(0, variants.Length).Where(v => v % HeldOutEvery == HeldOutEvery - 1 == heldOut)];
        return Each(count, progress, i =>
        {
            RandomStream random = new(seed, SpeechStream, ((ulong)i << 1) + (heldOut ? 1ul : 0));
            int label = i % Words.Count, speaker = speakers[i / Words.Count % speakers.Length];
            string language = label < English ? accents[random.NextInt(accents.Length)] : "de";
            (int speed, int pitch) = (120 + random.NextInt(81), 30 + random.NextInt(41));
            byte[] sound = Run(Synthesizer, "-v", $"{language}+{variants[speaker]}", "-s", Text(speed), "-p", Text(pitch), "--stdout", Words[label]).Bytes;
            return new(Heard(WaveFile.Parse(sound, Synthesizer)), label, speaker);
        }, stop);
    }

    /// <summary>English words by flite, the speed from 0.8 to 1.25; empty where it is not installed.</summary>
    public SpikeSample[] OtherSynthesized(int takes, Action<int>? progress = null, CancellationToken stop = default)
    {
        if (!IsInstalled(OtherSynthesizer)) return [];
        string folder = Directory.CreateTempSubdirectory("dcls").FullName;
        try
        {
            return Each(English * otherVoices.Length * takes, progress, i =>
            {
                RandomStream random = new(seed, SpeechStream + 1, (ulong)i);
                int label = i % English, voice = i / English % otherVoices.Length;
                string file = Path.Combine(folder, $"{i}.wav");
                Run(OtherSynthesizer, "-voice", otherVoices[voice], "--setf", $"duration_stretch={Text(0.8 + 0.45 * random.NextDouble())}", "-t", Words[label], "-o", file);
                SpikeSample sample = new(Heard(WaveFile.Read(file)), label, voice);
                File.Delete(file);
                return sample;
            }, stop);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>What people said: the digits of the packages tuxpaint-stamps-default (English, British, German) and asterisk-core-sounds-en-wav; those that are installed.</summary>
    public SpikeSample[] People(string root = "/usr/share")
    {
        (string Folder, string Suffix, int First)[] speakers = [("tuxpaint/stamps/symbols/math", ".ogg", 0), ("tuxpaint/stamps/symbols/math", "_en_GB.ogg", 0),
            ("tuxpaint/stamps/symbols/math", "_de.ogg", English), ("asterisk/sounds/en_US_f_Allison/digits", ".wav", 0)];
        List<SpikeSample> samples = [];
        for (int s = 0; s < speakers.Length; s++)
            for (int digit = 0; digit < English; digit++)
            {
                string path = Path.Combine(root, speakers[s].Folder, digit + speakers[s].Suffix);
                if (File.Exists(path)) samples.Add(new(nerve.Listen(Trimmed(SoundFile.Read(path, AuditoryNerve.SampleRate))), speakers[s].First + digit, s));
            }
        return [.. samples];
    }

    List<Spike> Heard(WaveFile sound) => nerve.Listen(Trimmed(Resampling.To(AuditoryNerve.SampleRate, sound)));

    /// <summary>Without what is 40 dB below the loudest 10 ms, before and behind.</summary>
    static float[] Trimmed(float[] sound)
    {
        int window = AuditoryNerve.SampleRate / 100, count = sound.Length / window;
        if (count < 2) return sound;
        double[] energy = [.. Enumerable.Range(0, count).Select(w => sound.AsSpan(w * window, window).ToArray().Sum(static x => (double)x * x))];
        double least = 1e-4 * energy.Max();
        int first = Array.FindIndex(energy, e => e >= least), last = Array.FindLastIndex(energy, e => e >= least);
        return sound[(first * window)..((last + 1) * window)];
    }

    static SpikeSample[] Each(int count, Action<int>? progress, Func<int, SpikeSample> make, CancellationToken stop)
    {
        SpikeSample[] samples = new SpikeSample[count];
        int done = 0;
        Parallel.For(0, count, new() { CancellationToken = stop, MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
        {
            samples[i] = make(i);
            progress?.Invoke(Interlocked.Increment(ref done));
        });
        return samples;
    }

    static string Text(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);

    /// <summary>True if a program is on the path.</summary>
    static bool IsInstalled(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));

    static (byte[] Bytes, string Output) Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true })!;
            process.StandardInput.Close();
            Task<string> errors = process.StandardError.ReadToEndAsync();
            using MemoryStream output = new();
            process.StandardOutput.BaseStream.CopyTo(output);
            process.WaitForExit();
            if (process.ExitCode != 0) throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} failed: {errors.Result.Trim()}");
            return (output.ToArray(), System.Text.Encoding.UTF8.GetString(output.GetBuffer(), 0, (int)output.Length));
        }
        catch (Win32Exception e)
        {
            throw new InvalidOperationException($"{program} cannot be started; install the package {program}", e);
        }
    }
}
