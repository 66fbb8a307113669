using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>
/// A non-zero cell of a layer's kernel: y[o, out] += weight · x[o·stride + offset, in], with x continued as the layer's padding mode says; of a transposed layer
/// y[i·stride + offset, out] += weight · x[i, in].
/// </summary>
/// <param name="Output">Output channel; of transposed layers counted within the group.</param>
/// <param name="Input">Input channel, counted within the group; of transposed layers over all groups.</param>
/// <param name="Offset">Grid index minus padding, one number an axis, in pixels.</param>
/// <param name="Weight">The kernel's value.</param>
public readonly record struct SparseTap(int Output, int Input, IReadOnlyList<int> Offset, double Weight);

public abstract partial class Dcls
{
    /// <summary>
    /// The layer with its kernel drawn once, for inference: the same result to the last bit, without the drawing. With <paramref name="rounded"/> every tap first moves to its
    /// nearest cell and weighs that cell alone, as the official evaluation of delays does. Later changes of the parameters are not seen.
    /// </summary>
    public BakedDcls Bake(bool rounded = false)
    {
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        return new(this, Copy(rounded ? RoundedKernel() : Kernel()), bias is null ? null : Copy(bias));

        static Tensor Copy(Tensor x)
        {
            Tensor lasting = Tensor.Lasting(x.Shape, x.DType, x.Device);
            lasting.Assign(x);
            return lasting;
        }
    }

    /// <summary>
    /// The cells of the kernel that are not zero. Taps of the compact versions (v0, v1, max) reach few cells, for v0 and v1 at most 2 an axis, so that the list has at most
    /// count · 2^axes cells for each pair of channels (and dense cell); a Gaussian covers its whole window, which throws a <see cref="TensorException"/>.
    /// </summary>
    public IReadOnlyList<SparseTap> Sparse()
    {
        if (!Version.IsCompact) throw new TensorException($"{form.Kind}: taps of version {Version} cover the whole window, so its kernel has no sparse form; use Bake()");
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        Tensor kernel = Kernel();
        double[] values = kernel.ToDoubles();
        int rows = kernel.Shape[^2], columns = kernel.Shape[^1];
        bool transposed = form.OutputPadding is not null;
        ReadOnlySpan<int> size = kernel.Shape.Dims[..^2];
        List<SparseTap> taps = [];
        for (int i = 0; i < values.Length; i++)
        {
            if (values[i] == 0) continue;
            int[] offset = new int[size.Length];
            for (int axis = size.Length - 1, cell = i / (rows * columns); axis >= 0; cell /= size[axis--]) offset[axis] = cell % size[axis] - form.Padding[axis];
            (int row, int column) = (i / columns % rows, i % columns);
            taps.Add(new(transposed ? row : column, transposed ? column : row, offset, values[i]));
        }
        return taps;
    }

    /// <summary>Moves every tap to its nearest cell, in place (ties to even): <see cref="Positions.Round"/>.</summary>
    public void Round() => Positions.Round(Position, half);

    Tensor RoundedKernel()
    {
        Tensor position = Tensor.Like(Position);
        position.WriteDoubles(Position.ToDoubles());
        Positions.Round(position, half);
        Interpolation narrow = Version == Interpolation.Bilinear ? Version : Interpolation.Triangle;      // the rows of P keep their meaning
        return Flat(narrow.Draw(Weight, position, null, form.Size, Convention));
    }
}

/// <summary>A DCLS layer with a fixed kernel and bias, made by <see cref="Dcls.Bake(bool)"/>. Both are freed with it.</summary>
public sealed class BakedDcls : ILayer, IDisposable
{
    readonly Dcls layer;
    readonly Tensor? bias;

    internal BakedDcls(Dcls layer, Tensor kernel, Tensor? bias) => (this.layer, Kernel, this.bias) = (layer, kernel, bias);

    /// <summary>The kernel [*kernel, in/g, out].</summary>
    public Tensor Kernel { get; }

    /// <inheritdoc/>
    public Tensor Forward(Tensor x)
    {
        using Profile.Scope scope = Profile.Layer(layer.Path);
        return layer.Convolve(x, Kernel, bias);
    }

    /// <summary>Frees the kernel and the bias.</summary>
    public void Dispose()
    {
        Kernel.Free();
        bias?.Free();
    }
}
