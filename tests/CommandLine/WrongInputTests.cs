using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.CommandLine;

/// <summary>Each wrong input: an exit code, one line on standard error, nothing on standard output, no run folder.</summary>
public sealed class WrongInputTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public WrongInputTests() => SmallIdx.Write(folder.Path, 60, 20);

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("train --colour", 2, "unknown option '--colour'")]
    [InlineData("train --epoch 3", 2, "did you mean --epochs?")]
    [InlineData("tarin", 2, "did you mean train?")]
    [InlineData("train vision", 2, "unknown recipe 'vision'")]
    [InlineData("train --data missing", 2, "does not exist")]
    [InlineData("train --model resnet", 2, "unknown model 'resnet'")]
    [InlineData("train --graph on", 2, "--graph on needs a CUDA device, the training runs on cpu")]
    [InlineData("train --graph yes", 2, "--graph must be one of on, off")]
    [InlineData("train two-dots --precision bf16", 2, "bf16 is computed on a CUDA device only, got cpu")]
    [InlineData("train two-dots --precision tf32", 2, "TF32 is a way of CUDA devices, got cpu")]
    [InlineData("train --precision half", 2, "--precision must be one of float32, tf32, bf16")]
    [InlineData("train --lr 0", 2, "learning rate must be above 0")]
    [InlineData("train --lr much", 2, "must be a number")]
    [InlineData("train --data . --batch 100", 2, "larger than the training part of 56 samples")]
    [InlineData("train --data . --model convnext_tiny", 2, "images of at least 32x32")]
    [InlineData("train --out /proc/runs", 2, "choose another folder")]
    [InlineData("train --device cuda", 3, "no device cuda: there is no CUDA driver")]
    [InlineData("train --device cuda:7", 3, "no device cuda:7")]
    [InlineData("train --device cuda:x", 2, "use cpu, cuda, cuda:N with a number, or cuda:emulated")]
    [InlineData("bench ops --device cuda", 3, "no device cuda: there is no CUDA driver")]
    [InlineData("profile two_dots --device cuda:emulated --steps 3", 2, "leave --steps out")]
    [InlineData("data", 2, "see dcls data --help")]
    [InlineData("data speech --train many", 2, "see dcls data speech --help")]
    [InlineData("train two-dots --data .", 2, "leave --data out")]
    [InlineData("train --resume runs/fashion-9", 2, "there is no run")]
    [InlineData("eval", 2, "there is no run in runs")]
    [InlineData("predict", 2, "IMAGE")]
    [InlineData("predict train-labels-idx1-ubyte --run .", 2, "not a run")]
    [InlineData("predict missing.png", 2, "there is no image")]
    [InlineData("summary resnet", 2, "unknown model")]
    [InlineData("kernel --version v9", 2, "unknown version 'v9'")]
    [InlineData("kernel --version v0 --sig 1", 2, "leave --sig out")]
    [InlineData("kernel --size 0", 2, "at least 1")]
    [InlineData("kernel --out kernel.bmp", 2, ".png or .svg")]
    [InlineData("kernel --out missing/kernel.png", 2, "missing")]
    [InlineData("profile resnet", 2, "unknown model")]
    [InlineData("profile convnext_speck --size 4", 2, "images of at least 8x8")]
    [InlineData("profile convnext_speck --batch 0", 2, "at least 1")]
    [InlineData("profile convnext_speck --trace missing/step.json", 2, "missing")]
    [InlineData("profile convnext_speck --precision bf16", 2, "bf16 is computed on a CUDA device only, got cpu")]
    [InlineData("profile convnext_speck --precision tf32", 2, "TF32 is a way of CUDA devices, got cpu")]
    [InlineData("profile convnext_speck --precision half", 2, "--precision must be one of float32, tf32, bf16")]
    [InlineData("profile convnext_speck --device cuda", 3, "no device cuda")]
    [InlineData("bench", 2, "WHAT")]
    [InlineData("bench all", 2, "measures ops, model or a model by name")]
    [InlineData("bench ops --precision bf16", 2, "bf16 is computed on a CUDA device only, got cpu")]
    [InlineData("bench model --batch 3", 2, "--batch and --precision go with ops")]
    [InlineData("bench ops --steps 3", 2, "--steps goes with --batch and the name of a model")]
    [InlineData("bench ops --filter (", 2, "no regular expression")]
    [InlineData("bench ops --filter convnext", 2, "no work of ops matches")]
    public async Task Is_one_line_with_a_hint(string arguments, int code, string message)
    {
        Outcome o = await Dcls.Run(folder.Path, arguments);
        Assert.True(code == o.ExitCode && o.Output.Length == 0, $"exit code {o.ExitCode}, output '{o.Output}', errors '{o.Errors}'");
        string line = Assert.Single(o.ErrorLines);
        Assert.StartsWith("error: ", line);
        Assert.Contains(message, line);
        Assert.DoesNotContain("   at ", line);
        Assert.False(Directory.Exists(Path.Combine(folder.Path, "runs")));
    }

    [Theory]
    [InlineData(0, "not an IDX file")]
    [InlineData(1, "truncated")]
    [InlineData(2, "damaged gzip")]
    public async Task Damaged_data_is_named(int damage, string message)
    {
        string images = Path.Combine(folder.Path, "train-images-idx3-ubyte");
        byte[] file = File.ReadAllBytes(images);
        if (damage == 0) File.WriteAllText(images, "<html>");
        else if (damage == 1) File.WriteAllBytes(images, file[..200]);
        else
        {
            File.Delete(images);
            File.WriteAllBytes(images + ".gz", [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0xFF, 0xFF, 0xFF, 0xFF]);
        }
        Outcome o = await Dcls.Run(folder.Path, "train --data .");
        Assert.Equal(2, o.ExitCode);
        string line = Assert.Single(o.ErrorLines);
        Assert.Contains("train-images-idx3-ubyte", line);
        Assert.Contains(message, line);
    }

    [Fact]
    public async Task What_a_message_quotes_is_no_command_to_the_terminal()
    {
        Outcome o = await Dcls.Run(folder.Path, "train --model red\e[31m");
        Assert.Equal(2, o.ExitCode);
        Assert.Contains("unknown model 'red\uFFFD[31m'", Assert.Single(o.ErrorLines));
    }

    [Fact]
    public async Task Debug_adds_the_stack_trace()
    {
        Outcome o = await Dcls.Run(folder.Path, "train --lr 0 --debug");
        Assert.Equal(2, o.ExitCode);
        Assert.Contains("   at MiniTorch", o.Errors);
    }

    [Theory, InlineData("--help"), InlineData("train --help"), InlineData("eval --help"), InlineData("predict --help"), InlineData("summary --help"), InlineData("doctor --help"), InlineData("kernel --help"), InlineData("bench --help"), InlineData("models --help")]
    public async Task Help_is_no_error(string arguments)
    {
        Outcome o = await Dcls.Run(folder.Path, arguments);
        Assert.Equal((0, ""), (o.ExitCode, o.Errors));
        Assert.Contains("Usage:", o.Output);
        if (arguments != "--help") Assert.Contains("Examples:", o.Output);
    }
}
