using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization;

namespace MiniTorch.Models;

/// <summary>What of a run can be set by hand: what the network is made of, and how it is trained. As JSON it is the part of config.json of the same names.</summary>
public sealed record Settings
{
    /// <summary>What the network is made of.</summary>
    public required Network Network { get; init; }

    /// <summary>How it is trained.</summary>
    public required TrainingOptions Training { get; init; }

    /// <summary>As <see cref="RunJson.Indented"/>, but values that are not set are there as null, so that every name can be found.</summary>
    static readonly JsonSerializerOptions complete = new(RunJson.Indented) { DefaultIgnoreCondition = JsonIgnoreCondition.Never };

    /// <summary>The JSON Schema of what <see cref="With(JsonObject)"/> takes: every name, with its type and, where they are few, its values.</summary>
    public static JsonNode Schema { get; } = MakeSchema();

    /// <summary>These settings with one of them replaced, written <c>training.rate=0.001</c>: the value is JSON, or a word. An <see cref="ArgumentException"/> names what is wrong and what there is.</summary>
    public Settings With(string assignment)
    {
        int cut = assignment.IndexOf('=');
        if (cut < 1) throw new ArgumentException($"a setting is written NAME=VALUE, such as training.rate=0.001, got '{assignment}'");
        string[] path = assignment[..cut].Split('.');
        JsonObject all = ToJson(), at = all;
        for (int i = 0; i < path.Length; i++)
        {
            if (!at.ContainsKey(path[i]))
                throw new ArgumentException($"{(i == 0 ? "a run" : string.Join('.', path[..i]))} has no setting '{path[i]}'; it has {string.Join(", ", at.Select(static p => p.Key))}");
            if (i == path.Length - 1) at[path[i]] = Value(assignment[(cut + 1)..]);
            else
                at = at[path[i]] as JsonObject ?? throw new ArgumentException(
                    $"{string.Join('.', path[..(i + 1)])} is not set, so that nothing in it can be; set it as a whole, such as {string.Join('.', path[..(i + 1)])}={{\"{path[i + 1]}\": ...}}");
        }
        return From(all, $"'{assignment}'");
    }

    /// <summary>These settings with those of a JSON object in their place, name by name; a network of another kind as a whole.</summary>
    public Settings With(JsonObject part)
    {
        JsonObject all = ToJson();
        foreach (string name in (ReadOnlySpan<string>)["network", "training"])
            if (part[name] is JsonObject given) all[name] = given["kind"] is { } kind && !JsonNode.DeepEquals(kind, all[name]!["kind"]) ? given.DeepClone() : Merged((JsonObject)all[name]!, given);
        return From(all, "the configuration");
    }

    /// <summary>The settings in which two of them differ: the name, and both values as JSON.</summary>
    public IEnumerable<(string Name, string Before, string Now)> ChangesFrom(Settings before)
    {
        return Between("", before.ToJson(), ToJson());

        static IEnumerable<(string, string, string)> Between(string path, JsonNode? a, JsonNode? b)
            => JsonNode.DeepEquals(a, b) ? [] : a is JsonObject x && b is JsonObject y
                ? x.Select(static p => p.Key).Union(y.Select(static p => p.Key)).SelectMany(k => Between(path.Length == 0 ? k : $"{path}.{k}", x[k], y[k])).ToArray()
                : [(path, a?.ToJsonString() ?? "null", b?.ToJsonString() ?? "null")];
    }

    /// <summary>All settings as JSON, those that are not set as null.</summary>
    public JsonObject ToJson() => JsonSerializer.SerializeToNode(this, complete)!.AsObject();

    static JsonObject Merged(JsonObject into, JsonObject part)
    {
        foreach ((string name, JsonNode? value) in part)
            into[name] = value is JsonObject inner && into[name] is JsonObject known ? Merged((JsonObject)known.DeepClone(), inner) : value?.DeepClone();
        return into;
    }

    static Settings From(JsonObject all, string source)
    {
        try
        {
            Settings read = all.Deserialize<Settings>(RunJson.Indented)!;
            read.Training.Validate();
            return read;
        }
        catch (JsonException e)
        {
            throw new ArgumentException($"{source} is not understood: {Explained(e)}", e);
        }
    }

    /// <summary>What is wrong with a value, and which there are if they are few.</summary>
    public static string Explained(JsonException e)
    {
        string[] path = (e.Path ?? "$").Split('.')[1..];
        JsonNode? schema = path.Aggregate((JsonNode?)Schema, static (at, name) => at?["properties"]?[name]);
        string values = schema?["enum"] is JsonArray known ? string.Join(", ", known.Select(static v => v?.ToString() ?? "null")) : "";
        return path.Length == 0 ? e.Message : values.Length > 0 ? $"{string.Join('.', path)} must be one of {values}"
            : $"{string.Join('.', path)} {(e.InnerException is null && e.Message.StartsWith("The JSON property", StringComparison.Ordinal) ? "is unknown" : "has a value of the wrong kind")}";
    }

    static JsonNode? Value(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return text;            // a word without its quotes
        }
    }

    static JsonNode MakeSchema()
    {
        JsonSerializerOptions options = new(RunJson.Indented);
        options.MakeReadOnly(populateMissingResolver: true);
        JsonNode schema = options.GetJsonSchemaAsNode(typeof(Settings), new() { TreatNullObliviousAsNonNullable = true });
        ((JsonObject)schema).Remove("required");            // a part of them will do
        return schema;
    }
}
