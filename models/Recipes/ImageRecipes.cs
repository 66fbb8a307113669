namespace MiniTorch.Models;

/// <summary>
/// The published trainings on ImageNet (Liu et al. and Khalfaoui-Hassani et al. for ConvNeXt and its DCLS forms, Yu et al. for ConvFormer and CAFormer, Vasu et al. for FastViT), with the batch that
/// fits a GPU and so many of them an update as make the published one, and a small training for any folder of pictures. One picture in a hundred of each class of ImageNet is held back and chooses
/// the best epoch, which the published trainings choose on the validation part.
/// </summary>
static class ImageRecipes
{
    const int ImageNetHeldBack = 100;

    static readonly TrainingOptions convnext = new()
    {
        Epochs = 300, Batch = 128, Accumulate = 32, Rate = 4e-3, FinalRate = 1e-6, WarmUpEpochs = 20, WeightDecay = 0.05, LabelSmoothing = 0.1, EmaDecay = 0.9999,
        Augment = Augmentation.ImageNet, Fit = new(Crop: 0.875), Mean = Normalisation.ImageNetMean, Deviation = Normalisation.ImageNetDeviation, HoldBackEvery = ImageNetHeldBack, SaveSeconds = 600,
    };

    static readonly TrainingOptions convformer = convnext with
    {
        Epochs = 310, CoolDownEpochs = 10, WarmUpRate = 1e-6, FinalRate = 1e-5, EmaDecay = 0, Augment = Augmentation.ImageNet with { Crop = new(Filter: PictureFilter.Random) }, Fit = new(Crop: 1),
    };

    internal static IReadOnlyList<Recipe> All { get; } =
    [
        new("pictures", "a small ConvNeXt-dcls on a folder of pictures of 64x64", "convnext_dcls_micro", new()
        {
            Epochs = 20, Batch = 16, Rate = 1e-3, WarmUpEpochs = 2, LabelSmoothing = 0.1, EmaDecay = 0.99, Augment = new(Flip: true, Crop: new(LeastArea: 0.5)), Mean = Normalisation.ImageNetMean, Deviation = Normalisation.ImageNetDeviation,
        }, static (folder, side) => Open("pictures", folder, side ?? 64)),
        new("imagenet-convnext", "the published training of ConvNeXt on ImageNet, 300 epochs of updates of 4096", "convnext_tiny", convnext, static (folder, side) => Open("imagenet-convnext", folder, side)),
        new("imagenet-convnext-isotropic", "the same for isotropic ones, which warm up for longer", "convnext_isotropic_small", convnext with { WarmUpEpochs = 50 },
            static (folder, side) => Open("imagenet-convnext-isotropic", folder, side)),
        new("imagenet-convnext-dcls", "the published training of ConvNeXt-dcls: the same, and taps that repel each other from epoch 21 on", "convnext_dcls_tiny",
            convnext with { Repulsion = RepulsionKind.Squared, RepulsionFromEpoch = 21 }, static (folder, side) => Open("imagenet-convnext-dcls", folder, side)),
        new("imagenet-convformer", "the published training of ConvFormer", "convformer_s18", convformer, static (folder, side) => Open("imagenet-convformer", folder, side)),
        new("imagenet-caformer", "the published training of CAFormer, with LAMB", "caformer_s18", convformer with { Optimizer = OptimizerKind.Lamb, Rate = 8e-3 },
            static (folder, side) => Open("imagenet-caformer", folder, side)),
        new("imagenet-fastvit", "the published training of FastViT, updates of 1024, pictures of 256x256", "fastvit_sa24", convnext with
        {
            Accumulate = 8, Rate = 1e-3, WarmUpEpochs = 5, WarmUpRate = 1e-6, FinalRate = 1e-5, EmaDecay = 0.9995, Augment = Augmentation.ImageNet with { Mixing = new(Mixup: 0.2) }, Fit = new(Crop: 0.9),
        }, static (folder, side) => Open("imagenet-fastvit", folder, side ?? 256)),
        new("finetune-convnext", "the published fine-tuning of ConvNeXt at 384x384, from the weights of a file", "convnext_tiny", convnext with
        {
            Epochs = 30, Batch = 32, Accumulate = 16, Rate = 5e-5, WarmUpEpochs = 0, WeightDecay = 1e-8, LayerDecay = 0.7, EmaDecay = 0, Augment = Augmentation.ImageNet with { Mixing = null }, Fit = new(),
        }, static (folder, side) => Open("finetune-convnext", folder, side ?? 384)),
    ];

    static (IDataset, IDataset) Open(string recipe, string? folder, int? side)
        => Pictures.Open(folder ?? throw new ArgumentException($"{recipe} needs a folder of pictures, such as train/CLASS/* and val/CLASS/*; give it with --data"), side);
}
