using System.Runtime.InteropServices;
using System.Security.Cryptography;
using PureHDF;
using PureHDF.Selections;
using PureHDF.VOL.Native;

namespace MiniTorch.Models;

/// <summary>
/// Recordings as spikes in the HDF5 layout of the Heidelberg spiking datasets SHD and SSC: spikes/times (seconds, half or single precision) and spikes/units, a list of any length
/// for each recording, labels, extra/keys with the names of the classes, extra/speaker. Recordings are read when they are asked for, so a file may be larger than memory.
/// A sample is [frames, channels]: spikes counted in frames of time from the first spike on, neighbouring units summed. What comes after the last frame is counted in it.
/// </summary>
public sealed class SpikeFile : IDataset, IDisposable
{
    const int PublishedUnits = 700;
    const int Most = 1 << 24;           // spikes of a recording

    const long CachedSpikes = 4 << 20;          // the library keeps all of a file that it has read until the file is closed

    readonly Stream stream;
    NativeFile file;
    IH5Dataset times, units;
    long cached;
    readonly bool halves;
    readonly int[] labels;
    readonly int pool;
    readonly double frameSeconds;
    readonly string path;
    readonly Lock reading = new();

    /// <summary>
    /// Opens a file. Frames of <paramref name="frameSeconds"/>, so many of them (null: as many as the longest recording needs, which takes a pass over the file);
    /// <paramref name="unitCount"/> units (null: as many as extra/units says, 700 where it is missing, as in the published files) in <paramref name="channels"/> channels. An <see cref="InvalidDataException"/> names the file and says
    /// what is wrong with it.
    /// </summary>
    public SpikeFile(string path, int? frames = null, int channels = 140, int? unitCount = null, double frameSeconds = 0.01) : this(File.OpenRead(path), path, frames, channels, unitCount, frameSeconds) { }

    /// <summary>Reads a stream, which is closed with the file; messages call it <paramref name="name"/>.</summary>
    public SpikeFile(Stream stream, string name, int? frames = null, int channels = 140, int? unitCount = null, double frameSeconds = 0.01)
    {
        if (!(frameSeconds > 0)) throw new ArgumentOutOfRangeException(nameof(frameSeconds), frameSeconds, "a frame lasts longer than 0 s");
        (path, this.frameSeconds, this.stream) = (name, frameSeconds, stream);
        try
        {
            (file, times, units) = Open();
            labels = Try(() => Integers(file.Dataset("labels")), "has no readable labels");
            if (times.Space.Dimensions is not [var rows] || units.Space.Dimensions is not [var same] || rows != same || rows != (ulong)labels.Length)
                throw new InvalidDataException($"{path} has {labels.Length} labels for spikes of another number of recordings; copy or download it again");
            if (labels.Length == 0) throw new InvalidDataException($"{path} holds no recordings");
            halves = Try(() => IsHalf(times), "has spikes/times that are neither half nor single precision");
            int least = labels.Min(), most = labels.Max();
            string[] keys = file.LinkExists("extra/keys") ? Try(() => file.Dataset("extra/keys").Read<string[]>(), "has no readable extra/keys") : [];
            Classes = keys.Length > 0 ? keys : [.. Enumerable.Range(0, most + 1).Select(static i => i.ToString())];
            if (least < 0 || most >= Classes.Count) throw new InvalidDataException($"{path} has labels from {least} to {most} for {Classes.Count} classes; copy or download it again");
            int all = unitCount ?? (file.LinkExists("extra/units") ? Try(() => Integers(file.Dataset("extra/units"))[0], "has no readable extra/units") : PublishedUnits);
            if (channels < 1 || all < channels || all % channels != 0) throw new ArgumentException($"{path}: {all} units cannot be summed to {channels} channels; choose a divisor");
            pool = all / channels;
            Speakers = file.LinkExists("extra/speaker") ? Try(() => Integers(file.Dataset("extra/speaker")), "has no readable extra/speaker") : new int[labels.Length];
            Sample = [frames ?? Enumerable.Range(0, labels.Length).Max(i => FramesOf(Spikes(i))), channels];
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    (NativeFile, IH5Dataset, IH5Dataset) Open()
    {
        stream.Position = 0;
        NativeFile opened = Try(() => H5File.Open(stream, leaveOpen: true), "is not a readable HDF5 file");
        return (opened, Try(() => opened.Dataset("spikes/times"), "has no spikes/times: it is no file of spiking recordings"),
            Try(() => opened.Dataset("spikes/units"), "has no spikes/units: it is no file of spiking recordings"));
    }

    /// <inheritdoc/>
    public int Count => labels.Length;

    /// <inheritdoc/>
    public Shape Sample { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Who spoke each recording.</summary>
    public IReadOnlyList<int> Speakers { get; }

    /// <inheritdoc/>
    public string Fingerprint
        => $"{Path.GetFileName(path)}, {Count} recordings {Sample}, {Classes.Count} classes, {stream.Length} bytes, {Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(labels.AsSpan())).AsSpan(0, 8))}";

    /// <inheritdoc/>
    public int Label(int index) => labels[index];

    /// <summary>The spikes of a recording, as they stand in the file.</summary>
    public Spike[] Spikes(int index)
    {
        HyperslabSelection row = new((ulong)index, 1);
        lock (reading)
        {
            string damaged = $"is damaged at recording {index}";            // an empty list may be read as none
            float[] at = Try(() => halves ? Array.ConvertAll(times.Read<Half[]?[]>(row)[0] ?? [], static t => (float)t) : times.Read<float[]?[]>(row)[0] ?? [], damaged);
            ushort[] who = Try(() => units.Read<ushort[]?[]>(row)[0] ?? [], damaged);
            if (at.Length != who.Length || at.Length > Most) throw new InvalidDataException($"{path} has {at.Length} times for {who.Length} units in recording {index}; copy or download it again");
            if ((cached += at.Length) > CachedSpikes)
            {
                file.Dispose();
                (file, times, units) = Open();
                cached = 0;
            }
            Spike[] spikes = new Spike[at.Length];
            for (int i = 0; i < spikes.Length; i++) spikes[i] = new(at[i], who[i]);
            return spikes;
        }
    }

    /// <inheritdoc/>
    public void Read(int index, Span<float> to)
    {
        to.Clear();
        Spike[] spikes = Spikes(index);
        int frames = Sample[0], channels = Sample[1];
        float first = First(spikes);
        foreach (Spike s in spikes)
        {
            int channel = s.Unit / pool;
            if (channel >= channels) throw new InvalidDataException($"{path} has unit {s.Unit} in recording {index}, {pool * channels} units were expected; give the number that it has");
            to[Math.Min(Frame(s.Time - first), frames - 1) * channels + channel]++;
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        file?.Dispose();
        stream.Dispose();
    }

    static float First(Spike[] spikes) => spikes.Length == 0 ? 0 : spikes.Min(static s => s.Time);

    int Frame(float seconds) => (int)(seconds / frameSeconds);

    /// <summary>⌈time from the first to the last spike / frame⌉, at least 1.</summary>
    int FramesOf(Spike[] spikes)
        => spikes.Length == 0 ? 1 : Math.Max(1, (int)Math.Ceiling((spikes.Max(static s => s.Time) - First(spikes)) / frameSeconds));

    static bool IsHalf(IH5Dataset times)
    {
        HyperslabSelection row = new(0, 1);
        try
        {
            times.Read<Half[][]>(row);
            return true;
        }
        catch (Exception e) when (IsFault(e))
        {
            times.Read<float[][]>(row);
            return false;
        }
    }

    static int[] Integers(IH5Dataset of) => of.Type switch
    {
        { Class: H5DataTypeClass.FixedPoint, Size: 1 } => Array.ConvertAll(of.Read<byte[]>(), static v => (int)v),
        { Class: H5DataTypeClass.FixedPoint, Size: 2 } => Array.ConvertAll(of.Read<short[]>(), static v => (int)v),
        { Class: H5DataTypeClass.FixedPoint, Size: 4 } => of.Read<int[]>(),
        { Class: H5DataTypeClass.FixedPoint, Size: 8 } => Array.ConvertAll(of.Read<long[]>(), static v => checked((int)v)),
        var other => throw new InvalidDataException($"whole numbers were expected, got {other.Class} of {other.Size} bytes"),
    };

    /// <summary>The library tells all faults of a file by exceptions of many kinds: the user gets one line.</summary>
    T Try<T>(Func<T> read, string what)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (IsFault(e))
        {
            throw new InvalidDataException($"{path} {what} ({e.Message.Split('\n')[0].TrimEnd('.')}); copy or download it again", e);
        }
    }

    static bool IsFault(Exception e) => e is not (OutOfMemoryException or OperationCanceledException);
}
