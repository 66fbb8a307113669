using MiniTorch.Ops;

namespace MiniTorch.Tests.Taps;

/// <summary>y[n, o, c] = bias[c] + Σ x[n, o · stride − padding + k, i] · kernel[k, i, c] over the kernel and the inputs of c's group, by plain loops.</summary>
public static class NaiveConvolution
{
    /// <summary>x [n, *spatial, inputs], kernel [*size, inputs / groups, outputs]; spatial, size, stride and padding have one number an axis.</summary>
    public static double[] Of(double[] x, int batch, int[] spatial, int inputs, double[] kernel, int[] size, int outputs, double[]? bias, int[] stride, int[] padding, int groups,
        PaddingMode mode)
    {
        int[] result = Result(spatial, size, stride, padding);
        int groupInputs = inputs / groups, groupOutputs = outputs / groups, points = Count(result), cells = Count(size);
        double[] y = new double[batch * points * outputs];
        for (int n = 0; n < batch; n++)
            for (int o = 0; o < points; o++)
                for (int k = 0; k < cells; k++)
                {
                    int at = Source(o, k);
                    for (int c = 0; c < outputs && at >= 0; c++)
                        for (int i = 0; i < groupInputs; i++)
                            y[(n * points + o) * outputs + c] += x[(n * Count(spatial) + at) * inputs + c / groupOutputs * groupInputs + i] * kernel[(k * groupInputs + i) * outputs + c];
                }
        for (int i = 0; i < y.Length && bias is not null; i++) y[i] += bias[i % outputs];
        return y;

        int Source(int o, int k)
        {
            int[] output = Index(o, result), cell = Index(k, size);
            int at = 0;
            for (int axis = 0; axis < spatial.Length; axis++)
            {
                int inside = Inside(output[axis] * stride[axis] - padding[axis] + cell[axis], spatial[axis], mode);
                if (inside < 0) return -1;
                at = at * spatial[axis] + inside;
            }
            return at;
        }
    }

    public static int[] Result(int[] spatial, int[] size, int[] stride, int[] padding)
        => [.. spatial.Select((s, axis) => (s + 2 * padding[axis] - size[axis]) / stride[axis] + 1)];

    public static int Count(int[] sizes) => sizes.Aggregate(1, static (product, s) => product * s);

    /// <summary>The index of a cell, one number an axis.</summary>
    public static int[] Index(int flat, int[] sizes)
    {
        int[] index = new int[sizes.Length];
        for (int axis = sizes.Length - 1; axis >= 0; flat /= sizes[axis--]) index[axis] = flat % sizes[axis];
        return index;
    }

    /// <summary>Where a padded index takes its value from; −1 for a zero.</summary>
    public static int Inside(int at, int size, PaddingMode mode)
    {
        if (at >= 0 && at < size) return at;
        return mode switch
        {
            PaddingMode.Reflect => at < 0 ? -at : 2 * (size - 1) - at,
            PaddingMode.Replicate => at < 0 ? 0 : size - 1,
            PaddingMode.Circular => at < 0 ? at + size : at - size,
            _ => -1,
        };
    }
}
