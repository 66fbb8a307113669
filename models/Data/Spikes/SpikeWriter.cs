using PureHDF;

namespace MiniTorch.Models;

/// <summary>Writes recordings in the layout that <see cref="SpikeFile"/> reads: times in half precision, as in the published SHD.</summary>
public static class SpikeWriter
{
    /// <summary>Writes a file beside and renames it, so that a stopped program leaves none that is cut off.</summary>
    public static void Write(string path, IReadOnlyList<SpikeSample> samples, IReadOnlyList<string> classes, int units, IReadOnlyList<string>? speakers = null)
    {
        H5Group extra = new() { ["keys"] = classes.ToArray(), ["speaker"] = samples.Select(static s => checked((ushort)s.Speaker)).ToArray() };
        extra["units"] = new[] { checked((ushort)units) };
        if (speakers is not null) extra["speaker_names"] = speakers.ToArray();
        H5File file = new()
        {
            ["spikes"] = new H5Group
            {
                ["times"] = samples.Select(static s => s.Spikes.Select(static e => (Half)e.Time).ToArray()).ToArray(),
                ["units"] = samples.Select(static s => s.Spikes.Select(static e => e.Unit).ToArray()).ToArray(),
            },
            ["labels"] = samples.Select(static s => checked((ushort)s.Label)).ToArray(),
            ["extra"] = extra,
        };
        string beside = path + ".part";
        file.Write(beside);
        File.Move(beside, path, overwrite: true);
    }
}
