using MiniTorch.Cuda;
using MiniTorch.Models;
using MiniTorch.Ops;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.Cuda;

/// <summary>A training on a GPU writes the forms of kernels that it uses to its run, and goes on with them.</summary>
public sealed class RunKernelsTests : IDisposable
{
    static readonly TrainingOptions options = new() { Epochs = 2, Batch = 8, Rate = 5e-3, Seed = 11, EmaDecay = 0.9, SaveSeconds = 0, HoldBackEvery = 6 };
    static readonly string[] forms = ["tiles", "elements", "cudnn"];

    readonly TemporaryFolder folder = new();
    readonly List<string> timed = [];

    public void Dispose() => folder.Dispose();

    sealed class Net(ParameterScope at) : ILayer
    {
        readonly Dcls2d dcls = new(at["dcls"], 16, 16, 3, 5, padding: 2, groups: 16, version: Interpolation.Gauss);
        readonly Linear stem = new(at["stem"], 1, 16), head = new(at["head"], 16, 4);

        public Tensor Forward(Tensor x) => head.Forward(dcls.Forward(stem.Forward(x)).Gelu().Mean([1, 2]));
    }

    [Fact]
    public void A_run_that_goes_on_takes_its_own_forms_whatever_the_cache_says()
    {
        RunFolder straight = RunFolder.Create(folder.Path, "run", "{}"), killed = RunFolder.Create(folder.Path, "run", "{}"), other = RunFolder.Create(folder.Path, "run", "{}");
        Train(straight, "cudnn");
        Train(other, "tiles");
        Assert.NotEqual(File.ReadAllBytes(straight.Checkpoint("last")), File.ReadAllBytes(other.Checkpoint("last")));            // forms do round in their own ways
        int steps = 0;
        Assert.Throws<InvalidOperationException>(() => Train(killed, "cudnn", progress: _ =>
        {
            if (++steps == 6) throw new InvalidOperationException("killed");
        }));
        FormFile kept = FormFile.Read(Path.Combine(killed.Path, "kernels.json"));
        timed.Clear();
        Train(killed, "tiles", resume: true);
        Assert.Empty(timed);
        RunComparison.AssertEqual(straight.Path, killed.Path);
        FormFile ended = FormFile.Read(Path.Combine(killed.Path, "kernels.json"));
        Assert.Equal(["forward", "inputGradient", "weightGradient"], kept.Forms.Keys.Select(static k => k.Split('.', ' ')[1]).Distinct());
        Assert.All(kept.Forms, f => Assert.Equal(("cudnn", "cudnn"), (f.Value.Form, ended.Forms[f.Key].Form)));
        Assert.Equal(FormFile.Read(Path.Combine(straight.Path, "kernels.json")).Forms.Keys, ended.Forms.Keys);
    }

    [Fact]
    public void A_deterministic_run_measures_nothing()
    {
        RunFolder run = RunFolder.Create(folder.Path, "run", "{}");
        Train(run, "cudnn", options with { Deterministic = true, Epochs = 1 });
        Assert.Empty(timed);
        Assert.False(File.Exists(Path.Combine(run.Path, "kernels.json")));
        Train(run, "cudnn", options with { Epochs = 1 }, resume: false);            // the device of another run is not
        Assert.NotEmpty(timed);
    }

    [Fact]
    public void A_file_of_forms_that_is_none_is_one_line()
    {
        RunFolder run = RunFolder.Create(folder.Path, "run", "{}");
        Train(run, "tiles", options with { Epochs = 1 });
        string path = Path.Combine(run.Path, "kernels.json");
        File.WriteAllText(path, "{}");
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => Train(run, "tiles", options with { Epochs = 1 }, resume: true));
        Assert.StartsWith($"{path} holds no forms of kernels that can be read (", e.Message);
        Assert.EndsWith("restore it, or delete it to have the forms chosen anew, with other rounding", e.Message);
    }

    /// <summary>Trains on an emulated GPU whose clock has one form the fastest; there is no cache.</summary>
    void Train(RunFolder run, string fastest, TrainingOptions? with = null, bool resume = false, Action<TrainingProgress>? progress = null)
    {
        using CudaDevice device = CudaDevice.Emulated();
        device.Forms.Clock = (form, work) =>
        {
            work();
            timed.Add(form);
            return form == fastest ? 1 : 2 + Array.IndexOf(forms, form);
        };
        (ILayer model, ParameterStore store) = ParameterStore.Build(static at => new Net(at), device, seed: 4);
        using ParameterStore owned = store;
        using Trainer trainer = new(model, store, SmallIdx.Array(48), with ?? options, test: SmallIdx.Array(8)) { Folder = run };
        if (resume) trainer.Resume(run);
        trainer.Run(progress, TestContext.Current.CancellationToken);
    }
}
