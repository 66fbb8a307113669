namespace MiniTorch.Models;

/// <summary>
/// A convolution and what is linear around it as one kernel [h, w, in/g, out] and one bias [out], in double precision. Norms with running statistics, parallel branches and
/// paths past the convolution are folded into it. Kernels are square and of odd size.
/// </summary>
sealed class FoldedConv
{
    readonly Shape shape;
    readonly double[] kernel, bias;

    FoldedConv(Shape shape, double[] kernel, double[] bias) => (this.shape, this.kernel, this.bias) = (shape, kernel, bias);

    /// <summary>A convolution and the norm after it: W' = W γ/√(σ² + ε), b' = (b − μ) γ/√(σ² + ε) + β.</summary>
    internal static FoldedConv Of(Conv2d conv, BatchNorm? norm = null)
    {
        (Tensor weight, Tensor? bias) = conv.Parameters;
        return new FoldedConv(weight.Shape, weight.ToDoubles(), bias?.ToDoubles() ?? new double[weight.Shape[^1]]).Then(norm);
    }

    /// <summary>What lets x through: 1 in the middle, from each channel to itself; and the norm after it.</summary>
    internal static FoldedConv Identity(int channels, int groups, int size, BatchNorm? norm = null)
    {
        int inputs = channels / groups, middle = size * size / 2;
        double[] kernel = new double[size * size * inputs * channels];
        for (int c = 0; c < channels; c++) kernel[(middle * inputs + c % inputs) * channels + c] = 1;
        return new FoldedConv([size, size, inputs, channels], kernel, new double[channels]).Then(norm);
    }

    FoldedConv Then(BatchNorm? norm)
    {
        if (norm is null) return this;
        (double[] scale, double[] shift) = norm.Affine();
        FoldedConv scaled = Times(scale);
        return new(shape, scaled.kernel, Sum(scaled.bias, shift, 1));
    }

    /// <summary>Each output channel times a factor.</summary>
    internal FoldedConv Times(double[] factors) => new(shape, Scaled(kernel, factors), Scaled(bias, factors));

    /// <summary>This and another convolution of the same x, which may have a smaller kernel, times a factor.</summary>
    internal FoldedConv Plus(FoldedConv? other, double factor = 1) => other is null ? this : new(shape, Sum(kernel, other.Padded(shape[0]), factor), Sum(bias, other.bias, factor));

    /// <summary>Adds the two tensors to a file under a path, as checkpoints have them.</summary>
    internal void Save(Dictionary<string, StoredTensor> to, string path)
    {
        to[path + ".weight"] = AxisOrder.Kernel.ToFile(StoredTensor.Of(Tensor.Of(Array.ConvertAll(kernel, static v => (float)v), shape)));
        to[path + ".bias"] = StoredTensor.Of(Tensor.Of(Array.ConvertAll(bias, static v => (float)v), [bias.Length]));
    }

    /// <summary>The kernel with zeros around it.</summary>
    double[] Padded(int size)
    {
        int own = shape[0], margin = (size - own) / 2, cell = shape[2] * shape[3];
        double[] wide = new double[size * size * cell];
        for (int row = 0; row < own; row++) kernel.AsSpan(row * own * cell, own * cell).CopyTo(wide.AsSpan(((row + margin) * size + margin) * cell));
        return wide;
    }

    static double[] Scaled(double[] values, double[] factors)
    {
        double[] scaled = new double[values.Length];
        for (int i = 0; i < scaled.Length; i++) scaled[i] = values[i] * factors[i % factors.Length];
        return scaled;
    }

    static double[] Sum(double[] a, double[] b, double factor)
    {
        double[] sum = new double[a.Length];
        for (int i = 0; i < sum.Length; i++) sum[i] = a[i] + factor * b[i];
        return sum;
    }
}
