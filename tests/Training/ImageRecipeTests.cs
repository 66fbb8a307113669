using MiniTorch.Models;

namespace MiniTorch.Tests.Training;

/// <summary>The shipped trainings are the published ones.</summary>
public sealed class ImageRecipeTests
{
    [Theory]
    [InlineData("imagenet-convnext", OptimizerKind.AdamW, 300, 4096, 4e-3, 1e-6, 20, 0, 0.9999, 0.1, 0.875, 224, 0.8)]
    [InlineData("imagenet-convnext-isotropic", OptimizerKind.AdamW, 300, 4096, 4e-3, 1e-6, 50, 0, 0.9999, 0.1, 0.875, 224, 0.8)]
    [InlineData("imagenet-convnext-dcls", OptimizerKind.AdamW, 300, 4096, 4e-3, 1e-6, 20, 0, 0.9999, 0.1, 0.875, 224, 0.8)]
    [InlineData("imagenet-convformer", OptimizerKind.AdamW, 310, 4096, 4e-3, 1e-5, 20, 10, 0, 0.2, 1, 224, 0.8)]
    [InlineData("imagenet-caformer", OptimizerKind.Lamb, 310, 4096, 8e-3, 1e-5, 20, 10, 0, 0.15, 1, 224, 0.8)]
    [InlineData("imagenet-fastvit", OptimizerKind.AdamW, 300, 1024, 1e-3, 1e-5, 5, 0, 0.9995, 0.1, 0.9, 256, 0.2)]
    public void They_have_the_published_numbers(string name, OptimizerKind optimizer, int epochs, int update, double rate, double final, double warmUp, double coolDown, double ema, double dropPath, double crop,
        int side, double mixup)
    {
        Recipe recipe = Recipe.Of(name);
        TrainingOptions t = recipe.Training;
        t.Validate();
        NamedModel model = NamedModels.Of(recipe.Model);
        Assert.Equal((optimizer, epochs, update), (t.Optimizer, t.Epochs, t.Batch * t.Accumulate));
        Assert.Equal((rate, final, warmUp, coolDown, ema), (t.Rate, t.FinalRate, t.WarmUpEpochs, t.CoolDownEpochs, t.EmaDecay));
        Assert.Equal((0.05, 0.1, 5.0, 0.999), (t.WeightDecay, t.LabelSmoothing, t.PositionRateScale, t.Beta2));
        Assert.Equal((crop, side), (t.Fit.Crop!.Value, model.Sample[0]));
        Assert.Equal(("rand-m9-mstd0.5-inc1", true, 0.25, mixup, 1.0), (t.Augment.Rand!, t.Augment.Flip, t.Augment.Erasing!.Probability, t.Augment.Mixing!.Mixup, t.Augment.Mixing.CutMix));
        Assert.Equal([0.485, 0.456, 0.406], t.Mean);
        Assert.Equal([0.229, 0.224, 0.225], t.Deviation);
        Assert.Equal(dropPath, model.Network switch
        {
            ConvNeXtNetwork n => n.Sizes.DropPath, ConvNeXtIsotropicNetwork n => n.Sizes.DropPath, MetaFormerNetwork n => n.Sizes.DropPath, FastVitNetwork n => n.Sizes.DropPath, _ => -1,
        });
        bool repels = name.EndsWith("dcls", StringComparison.Ordinal);
        Assert.Equal(repels ? (RepulsionKind.Squared, 21) : (RepulsionKind.None, 0), (t.Repulsion, t.RepulsionFromEpoch));
    }

    [Theory]
    [InlineData("convnext_base", "imagenet-convnext")]
    [InlineData("caformer_m36", "imagenet-convformer")]
    [InlineData("fastvit_ma36", "imagenet-fastvit")]
    [InlineData("resnet50", "imagenet-convnext")]
    [InlineData("convnext_fashion", "fashion")]
    [InlineData("convnext_micro", "pictures")]
    public void A_model_without_a_run_is_given_samples_as_its_family_wants_them(string model, string recipe) => Assert.Equal(recipe, Recipe.For(NamedModels.Of(model))!.Name);

    [Fact]
    public void The_fine_tuning_has_the_published_numbers()
    {
        TrainingOptions t = Recipe.Of("finetune-convnext").Training;
        Assert.Equal((30, 512, 5e-5, 1e-8, 0.7, 0.0), (t.Epochs, t.Batch * t.Accumulate, t.Rate, t.WeightDecay, t.LayerDecay, t.WarmUpEpochs));
        Assert.Null(t.Augment.Mixing);
        Assert.Null(t.Fit.Crop);            // at 384 pixels pictures are scaled as a whole
    }
}
