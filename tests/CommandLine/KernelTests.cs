using System.Text.Json;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.CommandLine;

public sealed class KernelTests
{
    [Fact]
    public async Task Draws_a_picture_of_both_kinds_and_tells_its_taps()
    {
        using TemporaryFolder folder = new();
        Outcome png = await Dcls.Run(folder.Path, "kernel --version v1 --size 17 --count 5 --seed 3 --json"), svg = await Dcls.Run(folder.Path, "kernel --seed 3 --out field.svg");
        Assert.Equal((0, 0), (png.ExitCode, svg.ExitCode));
        Assert.Equal([0x89, 0x50, 0x4e, 0x47], File.ReadAllBytes(Path.Combine(folder.Path, "kernel.png"))[..4]);
        Assert.Contains("<svg", File.ReadAllText(Path.Combine(folder.Path, "field.svg")));
        JsonElement result = png.Json, taps = result.GetProperty("taps");
        Assert.Equal("v1", result.GetProperty("version").GetString());
        Assert.Equal(5, taps.GetArrayLength());
        Assert.All(taps.EnumerateArray(), static t => Assert.InRange(Math.Max(Math.Abs(t.GetProperty("x").GetDouble()), Math.Abs(t.GetProperty("y").GetDouble())), 0, 8));
    }
}
