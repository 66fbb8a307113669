namespace MiniTorch.Models;

/// <summary>
/// A folder in the layout of the Speech Commands dataset: a folder of WAVE files for each word, validation_list.txt and testing_list.txt naming those that are held out. A sample
/// is a mel spectrogram [frames, bands] of one second, made when it is read.
/// </summary>
public sealed class SpeechCommands : IDataset
{
    readonly (string Path, int Label)[] files;
    readonly MelSpectrogram mel;
    readonly int rate;
    readonly string part;

    SpeechCommands(string part, (string, int)[] files, string[] classes, MelOptions options)
    {
        (this.part, this.files, Classes, mel, rate) = (part, files, classes, new(options), options.SampleRate);
        Sample = [mel.Frames(rate), options.Mels];
    }

    /// <summary>
    /// The front end of the published networks with delays: 8 kHz, windows of 32 ms every 10 ms, 140 bands from 50 Hz to 14 kHz, of which those above 4 kHz stay empty, decibels
    /// without normalisation.
    /// </summary>
    public static MelOptions Delays { get; } = new(8000, 256, 80, 140, 50, 14000);

    /// <summary>The training, validation and test part of a folder; an <see cref="InvalidDataException"/> says what is missing.</summary>
    public static (SpeechCommands Train, SpeechCommands Validation, SpeechCommands Test) From(string folder, MelOptions? options = null)
    {
        string[] words = [.. Directory.EnumerateDirectories(folder).Select(Path.GetFileName).OfType<string>().Where(static w => w[0] is not ('_' or '.')).Order(StringComparer.Ordinal)];
        if (words.Length == 0) throw new InvalidDataException($"{folder} has no folder for each word; give the folder of the Speech Commands dataset");
        HashSet<string> validation = Listed("validation_list.txt"), test = Listed("testing_list.txt");
        (string Name, string Path, int Label)[] all = [.. words.SelectMany((word, label) => Directory.EnumerateFiles(Path.Combine(folder, word), "*.wav").Order(StringComparer.Ordinal)
            .Select(path => ($"{word}/{Path.GetFileName(path)}", path, label)))];
        foreach (string listed in validation.Concat(test).Except(all.Select(static f => f.Name)).Order(StringComparer.Ordinal).Take(1))
            throw new InvalidDataException($"{folder} lacks {listed}, which its lists name; copy or download it again");
        return (Part("train", name => !validation.Contains(name) && !test.Contains(name)), Part("validation", validation.Contains), Part("test", test.Contains));

        SpeechCommands Part(string name, Func<string, bool> holds) => new(name, [.. all.Where(f => holds(f.Name)).Select(static f => (f.Path, f.Label))], words, options ?? Delays);

        HashSet<string> Listed(string name)
        {
            string path = Path.Combine(folder, name);
            return File.Exists(path) ? [.. File.ReadAllLines(path).Where(static l => l.Length > 0)] : throw new InvalidDataException($"{folder} has no {name}; give the folder of the Speech Commands dataset");
        }
    }

    /// <inheritdoc/>
    public int Count => files.Length;

    /// <inheritdoc/>
    public Shape Sample { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes { get; }

    /// <inheritdoc/>
    public string Fingerprint => $"speech commands {part}, {Count} recordings {Sample}, {Classes.Count} words";

    /// <inheritdoc/>
    public int Label(int index) => files[index].Label;

    /// <inheritdoc/>
    public void Read(int index, Span<float> to)
    {
        double[,] values = mel.Of(SoundFile.Fit(SoundFile.Read(files[index].Path, rate), rate));
        int i = 0;
        foreach (double v in values) to[i++] = (float)v;
    }
}
