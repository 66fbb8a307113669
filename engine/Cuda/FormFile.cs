using System.Text.Json;
using System.Text.Json.Serialization;

namespace MiniTorch.Cuda;

/// <summary>A form that was chosen, and what it and the others took when it was; none where there was no other.</summary>
sealed record ChosenForm(string Form, IReadOnlyDictionary<string, double> Microseconds);

/// <summary>Chosen forms by what they do, and what they were measured on, as a file of JSON.</summary>
sealed record FormFile
{
    static readonly JsonSerializerOptions json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, WriteIndented = true,
    };

    /// <summary>What the GPU calls itself.</summary>
    public required string Gpu { get; init; }

    /// <summary>Highest CUDA version of the driver.</summary>
    public required string Driver { get; init; }

    /// <summary>Whether cuDNN was there to be measured.</summary>
    public required bool Cudnn { get; init; }

    /// <summary>Version of this program.</summary>
    public required string Program { get; init; }

    public required IReadOnlyDictionary<string, ChosenForm> Forms { get; init; }

    /// <summary>What it was measured on, in words.</summary>
    [JsonIgnore]
    internal string About => $"{Gpu}, driver for CUDA {Driver}, {(Cudnn ? "with" : "without")} cuDNN, version {Program}";

    /// <summary>Reads a file; an <see cref="InvalidDataException"/> says why it is none.</summary>
    internal static FormFile Read(string path)
    {
        try
        {
            FormFile file = JsonSerializer.Deserialize<FormFile>(File.ReadAllBytes(path), json) ?? throw new JsonException("it holds null");
            return file.Forms.Values.Contains(null) ? throw new JsonException("a form is null") : file;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"{path} holds no forms of kernels that can be read ({e.Message.TrimEnd('.')})", e);
        }
    }

    /// <summary>Writes it whole or not at all.</summary>
    internal void Write(string path) => WholeFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(this, json));
}
