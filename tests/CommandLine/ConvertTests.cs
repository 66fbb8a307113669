using MiniTorch.Models;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.CommandLine;

/// <summary>Weights through the program: from a run and from files, as safetensors and as ONNX.</summary>
public sealed class ConvertTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_run_goes_out_under_other_names_and_comes_back()
    {
        SmallIdx.Write(folder.Path, 60, 20);
        await Good("train --data . --model convnext_speck --epochs 1 --batch 20");
        string run = Assert.Single(Directory.GetDirectories(Path.Combine(folder.Path, "runs")));
        string name = Path.GetFileName(run);
        await Good($"convert runs/{name}/last.safetensors timm.safetensors --names timm");
        Safetensors file = Safetensors.Read(Path.Combine(folder.Path, "timm.safetensors"));
        Assert.Equal(("convnext_speck", "timm", "10", "last.safetensors"), (file.Metadata["model"], file.Metadata["names"], file.Metadata["classes"], file.Metadata["source"]));
        Assert.Equal([32, 8, 1, 1], file.Tensors["stages.0.blocks.0.mlp.fc1.weight"].Shape.Dims.ToArray());
        Outcome back = await Good("convert timm.safetensors back.safetensors --model convnext_speck --json");
        Assert.Equal(file.Tensors.Count, back.Json.GetProperty("tensors").GetInt32());
        IReadOnlyDictionary<string, StoredTensor> weights = Trainer.Weights(Safetensors.Read(Path.Combine(run, "last.safetensors")));
        Safetensors official = Safetensors.Read(Path.Combine(folder.Path, "back.safetensors"));
        Assert.Equal(weights.Keys.Order(StringComparer.Ordinal), official.Tensors.Keys);
        foreach ((string key, StoredTensor t) in official.Tensors) Assert.Equal(Convert.ToHexString(weights[key].Bytes.Span), Convert.ToHexString(t.Bytes.Span));

        Outcome one = await Good($"export {name} --to run.onnx"), other = await Good("export --model convnext_speck --weights timm.safetensors --to file.onnx --json");
        Assert.Contains("run.onnx", one.Output, StringComparison.Ordinal);
        Assert.Equal(new FileInfo(Path.Combine(folder.Path, "file.onnx")).Length, other.Json.GetProperty("bytes").GetInt64());
        foreach ((string arguments, string why) in ((string, string)[])[("convert timm.safetensors out.pth", "written as .safetensors, got out.pth"), ("convert timm.safetensors missing/out.safetensors", "there is no folder"),
            ("convert timm.safetensors out.safetensors --names timm", "give it with --model"), ("convert missing.pth out.safetensors", "there is no file missing.pth"), ("convert timm.safetensors out.safetensors --model convnext_dcls_speck", "missing stages.0.blocks.0.conv_dw.P"),
            ("convert timm.safetensors out.safetensors --model convnext_speck --classes 7", "its head must be replaced"), ("export --to x.onnx", "give a run, or --model"), ($"export {name} --model convnext_speck --weights timm.safetensors --to x.onnx", "names a run, --model another network"),
            ("export --model convnext_speck --to x.onnx", "go together"), ("export --weights timm.safetensors --to x.onnx", "give a run, or --model"),
            ("convert timm.safetensors out.safetensors --model convformer_s18", "more (--debug shows all)")])
        {
            Outcome o = await Dcls.Run(folder.Path, arguments);
            Assert.Equal(2, o.ExitCode);
            Assert.Contains(why, Assert.Single(o.ErrorLines), StringComparison.Ordinal);
        }
        Assert.Empty(Directory.GetFiles(folder.Path, "out*"));
        Assert.Empty(Directory.GetFiles(folder.Path, "x.onnx*"));
    }

    [Fact]
    public async Task A_file_of_PyTorch_is_written_as_it_is()
    {
        File.Copy(Path.Combine(AppContext.BaseDirectory, "Golden", "Torch", "convnext_facebook_half.pth"), Path.Combine(folder.Path, "in.pth"));
        await Good("convert in.pth out.safetensors");
        Safetensors file = Safetensors.Read(Path.Combine(folder.Path, "out.safetensors"));
        Dictionary<string, StoredTensor> expected = TorchFile.Read(Path.Combine(folder.Path, "in.pth"));
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), file.Tensors.Keys);
        foreach ((string key, StoredTensor t) in expected) Assert.Equal((t.Type, t.Shape, Convert.ToHexString(t.Bytes.Span)), (file.Tensors[key].Type, file.Tensors[key].Shape, Convert.ToHexString(file.Tensors[key].Bytes.Span)));
    }

    async Task<Outcome> Good(string arguments)
    {
        Outcome o = await Dcls.Run(folder.Path, arguments);
        Assert.True(o.ExitCode == 0, $"{arguments}: {o.Errors}");
        return o;
    }
}
