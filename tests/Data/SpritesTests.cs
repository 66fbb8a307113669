using System.Text.Json;
using MiniTorch.Models;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.Data;

/// <summary>Sprites become pictures on a ground, split by unit.</summary>
public sealed class SpritesTests : IDisposable
{
    const int Side = 72;

    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    string Put(string name, int height, int width, Func<int, int, uint> pixel)
    {
        string path = Path.Combine(folder.Path, "images", name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        Bitmap picture = new();
        picture.Resize(height, width);
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) picture.Row(y)[x] = pixel(y, x);
        picture.Write(path);
        return path;
    }

    [Fact]
    public void Units_are_split_and_laid_over_grounds()
    {
        for (int unit = 0; unit < 8; unit++)
            for (int frame = 0; frame < 5; frame++)
                foreach (string race in (string[])["elves", "orcs"]) Put($"units/{race}/u{unit}{(frame % 2 == 0 ? "-" : "+")}{frame}.png", 20, 30, (_, _) => 0xFF000000u | (uint)(30 * unit));
        Put("units/orcs/u3/deep.png", 144, 144, static (_, _) => 0xFF000000 | 90);
        Put("units/few/a.png", 8, 8, static (_, _) => 0xFF000000);
        for (int i = 0; i < 8; i++) Put($"terrain/grass/g{i}.png", Side, Side, (_, x) => 0xFF000000 | (uint)(100 + 10 * i) << 8 | (uint)(x is < 20 or >= 52 ? 255 : 0) << 16);
        Put("terrain/grass/small.png", 36, 36, static (_, _) => 0xFF000000);
        Sprites sprites = Sprites.Of(Path.Combine(folder.Path, "images"));
        Assert.Equal(["elves", "orcs"], sprites.Races.Select(static r => r.Name));
        string to = Path.Combine(folder.Path, "made");
        IReadOnlyList<Sprites.Written> written = sprites.Write(to, most: 4, stop: TestContext.Current.CancellationToken);
        Assert.Equal([new("elves", 6, 2, 24, 8), new("orcs", 6, 2, 24, 8)], written);
        (IDataset train, IDataset test) = Pictures.Open(to, Side);
        Assert.Equal((48, 16), (train.Count, test.Count));
        Bitmap picture = new();
        HashSet<int>[] seen = [[], []];
        foreach ((IDataset part, bool held) in (ReadOnlySpan<(IDataset, bool)>)[(train, false), (test, true)])
            for (int i = 0; i < part.Count; i++)
            {
                Assert.True(part.Picture(i, picture));
                Assert.Equal((Side, Side), (picture.Height, picture.Width));
                int unit = (int)Math.Round((picture.Row(36)[36] & 255) / 30.0), ground = (int)(picture.Row(2)[36] >> 8 & 255) - 100;
                Assert.Equal(held, unit % 4 == 3);
                seen[held ? 1 : 0].Add((ground + 5) / 10);           // a JPEG file keeps colours to a few levels
                Assert.All(picture.Row(2).ToArray(), static p => Assert.InRange(p >> 16 & 255, 0u, 12u));          // the rim of a ground is not used
            }
        Assert.Equal([0, 1, 2, 4, 5, 6], seen[0].Order());
        Assert.Equal([3, 7], seen[1].Order());
        JsonElement manifest = JsonDocument.Parse(File.ReadAllText(Path.Combine(to, "manifest.json"))).RootElement;
        Assert.Equal("wesnoth-1.16-data", manifest.GetProperty("package").GetString());
        Assert.Contains("exists already", Assert.Throws<IOException>(() => sprites.Write(to, stop: TestContext.Current.CancellationToken)).Message);
        sprites.Write(Path.Combine(folder.Path, "again"), most: 4, stop: TestContext.Current.CancellationToken);
        Assert.Equal(manifest.GetProperty("sha256").GetString(), JsonDocument.Parse(File.ReadAllText(Path.Combine(folder.Path, "again", "manifest.json"))).RootElement.GetProperty("sha256").GetString());
        Assert.Contains("wesnoth-1.16-data", Assert.Throws<InvalidDataException>(() => Sprites.Of(folder.Path)).Message);
    }
}
