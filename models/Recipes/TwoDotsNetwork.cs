using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>
/// The network of the two-dots toy: one convolution of a picture [64, 64, 1] with an output for each class, squared, and the largest value over the picture. Nothing else
/// is learned. With <paramref name="Dcls"/> the convolution is a <see cref="Dcls2d"/> of two Gaussian taps an output, which start anywhere in the window, and whose width
/// follows a <see cref="SigmaSchedule"/>; without, a plain one.
/// </summary>
/// <param name="Window">Size of the window or of the plain kernel, both axes, odd.</param>
/// <param name="Dcls">Whether positions are learned.</param>
public sealed record TwoDotsNetwork(int Window, bool Dcls) : Network
{
    /// <inheritdoc/>
    public override ILayer Build(ParameterScope at, Shape sample, int classes)
        => sample.Rank == 3 && sample[2] == 1 ? new Net(at, Window, Dcls, classes) : throw new ArgumentException($"the two-dots network takes pictures [h, w, 1], got samples of {sample}");

    /// <summary>How far apart the two taps of each class are, the right one seen from the left one: pixels to the right, pixels down.</summary>
    public static IReadOnlyList<(double Right, double Down)> Distances(Dcls layer)
    {
        double[] p = layer.Position.ToDoubles();
        int classes = p.Length / 4;
        (double, double)[] all = new (double, double)[classes];
        for (int c = 0; c < classes; c++)
        {
            double right = p[classes + c] - p[c], down = p[3 * classes + c] - p[2 * classes + c];
            all[c] = right < 0 ? (-right, -down) : (right, down);
        }
        return all;
    }

    sealed class Net : ILayer
    {
        readonly ILayer convolution;
        readonly Dcls2d? taps;
        readonly int classes;

        internal Net(ParameterScope at, int window, bool dcls, int classes)
        {
            this.classes = classes;
            if (dcls)
                taps = new(at["taps"], classes, classes, kernelCount: 2, window, padding: window / 2, groups: classes, bias: false, version: Interpolation.Gauss,
                    options: new() { WeightInit = Inits.Ones, PositionInit = Inits.Uniform(-window / 2, window / 2), LearnSigma = false });
            convolution = taps is null ? Conv2d.Depthwise(at["conv"], classes, window, bias: false, null, null) : taps;
        }

        public Tensor Forward(Tensor x)
        {
            Tensor copies = x;          // each output has its own copy of the picture: depthwise kernels are several times as fast as those from one channel to a few
            for (int c = 1; c < classes; c++) copies = Concatenate.Of(3, copies, x);
            Tensor y = convolution.Forward(copies);
            Tensor squares = (y * y).Reshape(x.Shape[0], -1, classes).Max(1);
            return taps is null ? squares : squares * Gain(taps).For(squares);
        }

        /// <summary>
        /// 4πσ², one over the energy Σφ² of a tap of mass 1: with it the logits are of one size for all widths, a matched filter's ratio of signal to noise. Without it they
        /// vanish for wide taps, and the classes are all equally likely. Of the one width that the schedule gives all taps, where it lies: the host does not wait for it.
        /// </summary>
        static Tensor Gain(Dcls taps) => taps.SquaredSigma() * (4 * Math.PI);
    }
}
