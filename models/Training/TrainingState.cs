using System.Text.Json;

namespace MiniTorch.Models;

/// <summary>What a training must know beside its tensors to go on as if nothing had happened; JSON in the metadata of a checkpoint.</summary>
internal sealed record TrainingState
{
    /// <summary>Updates done.</summary>
    public int Step { get; set; }

    /// <summary>Epochs done.</summary>
    public int Epoch { get; set; }

    /// <summary>Batches done in the running epoch.</summary>
    public int Batch { get; set; }

    /// <summary>Sum over the running epoch's samples of their loss.</summary>
    public double LossSum { get; set; }

    /// <summary>Samples of the running epoch classified right.</summary>
    public int Right { get; set; }

    /// <summary>Samples of the running epoch.</summary>
    public int Seen { get; set; }

    /// <summary>Best accuracy on the part held back; −1 before the first epoch.</summary>
    public double BestAccuracy { get; set; } = -1;

    /// <summary>The epoch it belongs to, from 1.</summary>
    public int BestEpoch { get; set; }

    /// <summary>Bytes of metrics.jsonl.</summary>
    public long MetricsLength { get; set; }

    /// <summary>Forward passes that drew random numbers.</summary>
    public ulong RandomStep { get; set; }

    /// <summary>Time taken so far.</summary>
    public double Seconds { get; set; }

    /// <summary>Fingerprint of the training data.</summary>
    public string Data { get; set; } = "";

    /// <summary>The options, as JSON.</summary>
    public string Options { get; set; } = "";

    /// <summary>Pictures that could not be read, with the reason, in the order they were met.</summary>
    public Dictionary<string, string> Unreadable { get; set; } = [];

    /// <summary>Metrics of the last whole epoch.</summary>
    public EpochMetrics? Last { get; set; }
}

/// <summary>How runs are written as JSON: snake_case, enumerations by name, unknown keys refused.</summary>
public static class RunJson
{
    /// <summary>For files that people read.</summary>
    public static JsonSerializerOptions Indented { get; } = Make(indented: true);

    /// <summary>One line.</summary>
    public static JsonSerializerOptions Line { get; } = Make(indented: false);

    static JsonSerializerOptions Make(bool indented) => new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
        Converters = { new System.Text.Json.Serialization.JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        WriteIndented = indented,
    };
}
