using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace MiniTorch.Models;

/// <summary>
/// A set of colour pictures, 72×72, from the sprites of The Battle for Wesnoth (Debian's package wesnoth-1.16-data, GPL-2+): the class is the race. Sprites of a unit are near-duplicates, so units are split
/// and not sprites: of each race every fourth unit by name is for testing, with every fourth ground. A unit is named by what stands before the first - or + of its files or by its folder; where two
/// share it they go into one part. Of a unit with many sprites some are taken, evenly spaced. Races of fewer than six units are left out. Nothing is drawn by chance but the ground under a sprite.
/// </summary>
public sealed class Sprites
{
    const int Side = 72, Middle = 32, LeastUnits = 6, TestEvery = 4;
    const string Package = "wesnoth-1.16-data";
    const uint GroundStream = 0x6E0D;

    static readonly string[] parts = ["train", "test"], groundKinds = ["flat", "frozen", "grass", "sand"];

    readonly string units;
    readonly string[] grounds;

    Sprites(string units, string[] grounds, IReadOnlyList<Race> races) => (this.units, this.grounds, Races) = (units, grounds, races);

    /// <summary>Where the package puts its pictures.</summary>
    public const string Installed = "/usr/share/games/wesnoth/1.16/data/core/images";

    /// <summary>A race and the sprites of its units, by name.</summary>
    public sealed record Race(string Name, IReadOnlyList<(string Unit, IReadOnlyList<string> Sprites)> Units);

    /// <summary>What was written of a race: units and pictures to train with, and to test with.</summary>
    public sealed record Written(string Race, int TrainUnits, int TestUnits, int Train, int Test);

    /// <summary>The races, sorted.</summary>
    public IReadOnlyList<Race> Races { get; }

    /// <summary>Looks through a folder of pictures; an <see cref="InvalidDataException"/> names the package that is missing.</summary>
    public static Sprites Of(string folder)
    {
        string units = Path.Combine(folder, "units"), terrain = Path.Combine(folder, "terrain");
        if (!Directory.Exists(units) || !Directory.Exists(terrain)) throw new InvalidDataException($"{folder} has no folders units and terrain; Debian's package {Package} puts them into {Installed}");
        Race[] races = [.. Directory.EnumerateDirectories(units).Order(StringComparer.Ordinal).Select(Find).Where(static r => r.Units.Count >= LeastUnits)];
        string[] grounds = [.. groundKinds.SelectMany(kind => FindGrounds(Path.Combine(terrain, kind)))];
        if (races.Length < 2 || grounds.Length < TestEvery) throw new InvalidDataException($"{folder} holds {races.Length} races and {grounds.Length} grounds, too few; is it the folder of {Package}?");
        return new(units, grounds, races);
    }

    /// <summary>
    /// Writes train/RACE/*.jpg, test/RACE/*.jpg and manifest.json into a new folder, with at most <paramref name="most"/> sprites of a unit. The folder appears when all is written.
    /// </summary>
    public IReadOnlyList<Written> Write(string folder, int most = 24, ulong seed = 0, Action<int>? progress = null, CancellationToken stop = default)
    {
        if (Directory.Exists(folder)) throw new IOException($"{folder} exists already; name another folder or remove it");
        string beside = folder.TrimEnd('/') + ".new";
        if (Directory.Exists(beside)) Directory.Delete(beside, recursive: true);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        List<Written> all = [];
        int done = 0;
        Canvas canvas = new();
        Bitmap ground = new();
        foreach (Race race in Races)
        {
            int[] split = [0, 0], pictures = [0, 0];
            foreach ((int number, (_, IReadOnlyList<string> sprites)) in race.Units.Index())
            {
                int part = IsForTesting(number) ? 1 : 0, count = Math.Min(most, sprites.Count);
                split[part]++;
                pictures[part] += count;
                Directory.CreateDirectory(Path.Combine(beside, parts[part], race.Name));
                for (int i = 0; i < count; i++)
                {
                    stop.ThrowIfCancellationRequested();
                    string sprite = sprites[i * sprites.Count / count], name = $"{parts[part]}/{race.Name}/{Path.ChangeExtension(sprite, ".jpg").Replace('/', '_')}", path = Path.Combine(beside, name);
                    Lay(ground, new(seed, GroundStream, (ulong)done), part == 1);
                    Place(canvas, Path.Combine(units, race.Name, sprite), ground);
                    ground.Write(path);
                    hash.AppendData(Encoding.UTF8.GetBytes(name));
                    hash.AppendData(File.ReadAllBytes(path));
                    done++;
                    progress?.Invoke(done);
                }
            }
            all.Add(new(race.Name, split[0], split[1], pictures[0], pictures[1]));
        }
        Manifest manifest = new(Package, "GPL-2+", "The Battle for Wesnoth and its artists", Side, most, seed, $"every {TestEvery}th unit of a race and ground, by name, is for testing", Convert.ToHexStringLower(hash.GetHashAndReset()), all);
        File.WriteAllText(Path.Combine(beside, "manifest.json"), JsonSerializer.Serialize(manifest, RunJson.Indented));
        Directory.Move(beside, folder);
        return all;
    }

    /// <summary>Where the pictures come from and what they are; SHA-256 of all names and files.</summary>
    sealed record Manifest(string Package, string Licence, string Source, int Side, int MostOfAUnit, ulong Seed, string Split, string Sha256, IReadOnlyList<Written> Races);

    static bool IsForTesting(int number) => number % TestEvery == TestEvery - 1;

    /// <summary>A race's units, each with the names of its sprites below the race's folder.</summary>
    static Race Find(string folder)
    {
        IEnumerable<string> names = Directory.EnumerateFiles(folder, "*.png", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(folder, f)).Order(StringComparer.Ordinal);
        return new(Path.GetFileName(folder), [.. names.GroupBy(static n => n.Split('-', '+', '/', '.')[0]).OrderBy(static g => g.Key, StringComparer.Ordinal).Select(static g => (g.Key, (IReadOnlyList<string>)[.. g]))]);
    }

    /// <summary>Grounds are six-sided: of those that are as large as a sprite, the middle is taken, which must not be transparent.</summary>
    static string[] FindGrounds(string folder)
    {
        Bitmap picture = new();
        return !Directory.Exists(folder) ? [] : [.. Directory.EnumerateFiles(folder, "*.png").Order(StringComparer.Ordinal).Where(IsWhole)];

        bool IsWhole(string path)
        {
            picture.Read(path);
            if (picture.Height != Side || picture.Width != Side) return false;
            for (int y = 0; y < Side; y++)
                if (picture.Row(y).Slice((Side - Middle) / 2, Middle).ToArray().Any(static p => p >> 24 != 255)) return false;
            return true;
        }
    }

    /// <summary>The middle of a ground, and its mirror images beside it.</summary>
    void Lay(Bitmap to, RandomStream random, bool testing)
    {
        string[] own = [.. grounds.Where((_, i) => IsForTesting(i) == testing)];
        to.Read(own[random.NextInt(own.Length)]);
        for (int y = 0; y < Side; y++)
        {
            uint[] row = to.Row(y).ToArray();
            for (int x = 0; x < Side; x++) to.Row(y)[x] = row[(Side - Middle) / 2 + (x % (2 * Middle) < Middle ? x % Middle : Middle - 1 - x % Middle)];
        }
    }

    /// <summary>Lays a sprite over the middle of a ground by its opacity; one that is too large is scaled down.</summary>
    static void Place(Canvas canvas, string sprite, Bitmap ground)
    {
        canvas.Picture.Read(sprite);
        int larger = Math.Max(canvas.Picture.Height, canvas.Picture.Width);
        if (larger > Side) canvas.Scale((0, 0, canvas.Picture.Width, canvas.Picture.Height), canvas.Picture.Height * Side / larger, canvas.Picture.Width * Side / larger, PictureFilter.Bicubic);
        Bitmap picture = canvas.Picture;
        int top = (Side - picture.Height) / 2, left = (Side - picture.Width) / 2;
        for (int y = 0; y < picture.Height; y++)
        {
            Span<byte> from = picture.Bytes.Slice(4 * y * picture.Width, 4 * picture.Width), to = ground.Bytes.Slice(4 * ((top + y) * Side + left), from.Length);
            for (int i = 0; i < from.Length; i++)
            {
                int opacity = from[i | 3];
                to[i] = (byte)((opacity * from[i] + (255 - opacity) * to[i] + 127) / 255);
            }
        }
    }
}
