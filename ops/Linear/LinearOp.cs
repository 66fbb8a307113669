namespace MiniTorch.Ops;

/// <summary>y[…, o] = Σᵢ x[…, i] · weight[i, o] (+ bias[o]).</summary>
public sealed class LinearOp : Op
{
    readonly Input x, weight, bias;
    readonly Saved? savedX, savedWeight;

    LinearOp(Tensor x, Tensor weight, Tensor? bias) : base(x, weight, bias)
    {
        (this.x, this.weight, this.bias) = (x, weight, bias);
        savedX = SaveOptional(weight.Tracked ? x : null);
        savedWeight = SaveOptional(x.Tracked ? weight : null);
    }

    /// <summary>x [..., in] by weight [in, out] plus an optional bias [out]: [..., out].</summary>
    public static Tensor Of(Tensor x, Tensor weight, Tensor? bias = null)
    {
        Tensor y = Output(x, weight, bias);
        forward.Launch(x.Device, x.DType, Product(x, weight, bias, y));
        return Tape.Tracks(x, weight, bias) ? y.From(new LinearOp(x, weight, bias)) : y;
    }

    /// <summary>An empty tensor for the product, once all operands are known to fit.</summary>
    internal static Tensor Output(Tensor x, Tensor weight, Tensor? bias)
    {
        Expect.Real(x);
        Expect.Rank(weight, 2, "[in, out]");
        Expect.Alike(x, weight);
        Expect.That(x.Shape.Rank > 0 && x.Shape[^1] == weight.Shape[0], $"the last dimension of x must be the {weight.Shape[0]} inputs of weight {weight.Shape}", x);
        int outputs = weight.Shape[1];
        if (bias is not null)
        {
            Expect.Shape(bias, [outputs]);
            Expect.Alike(x, bias);
        }
        return Tensor.Like(x, x.Shape.With(^1, outputs));
    }

    /// <summary>x · weight + bias.</summary>
    internal static GemmArgs Product(Tensor x, Tensor weight, Tensor? bias, Tensor y)
        => new(x, weight, y, x.Shape.Product(0, x.Shape.Rank - 1), weight.Shape[1], weight.Shape[0]) { Bias = bias };

    /// <inheritdoc/>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y) => Written(graph, operands);

    /// <summary>The product and the sum with the bias.</summary>
    internal static string Written(OnnxGraph graph, ReadOnlySpan<Tensor?> operands)
    {
        string product = graph.Node("MatMul", [graph.Name(operands[0]!), graph.Name(operands[1]!)]);
        return operands[2] is { } bias ? graph.Node("Add", [product, graph.Name(bias)]) : product;
    }

    /// <summary>dx = dy · weightᵀ, dweight = xᵀ · dy, dbias = the column sums of dy.</summary>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Differentiate(x, weight, savedX, savedWeight, dy, gradients);
        if (gradients.Wants(bias)) gradients.Add(bias, Sum.To(bias.Shape, dy));
    }

    /// <summary>The gradients of both factors.</summary>
    internal static void Differentiate(Input x, Input weight, Saved? savedX, Saved? savedWeight, Tensor dy, Gradients gradients)
    {
        int rows = dy.Shape.Product(0, dy.Shape.Rank - 1), outputs = dy.Shape[^1];
        if (gradients.Wants(x))
        {
            Tensor dx = Tensor.Like(dy, x.Shape);
            inputGradient.Launch(dy.Device, dy.DType, new(dy, savedWeight, dx, rows, x.Shape[^1], outputs, TransposeB: true));
            gradients.Add(x, dx);
        }
        if (gradients.Wants(weight))
        {
            Tensor dw = Tensor.Like(dy, weight.Shape);
            weightGradient.Launch(dy.Device, dy.DType, new(savedX, dy, dw, weight.Shape[0], outputs, rows, TransposeA: true));
            gradients.Add(weight, dw);
        }
    }

    static readonly Kernel<GemmArgs> forward = Kernel<GemmArgs>.On<Gemm.Body, Gemm.Cuda>("Linear.forward");
    static readonly Kernel<GemmArgs> inputGradient = Kernel<GemmArgs>.On<Gemm.Body, Gemm.Cuda>("Linear.inputGradient"), weightGradient = Kernel<GemmArgs>.On<Gemm.Body, Gemm.Cuda>("Linear.weightGradient");
}

/// <summary>x.Linear(weight, bias).</summary>
public static class LinearExtension
{
    extension(Tensor x)
    {
        /// <summary>x [..., in] by weight [in, out] plus an optional bias [out]: [..., out].</summary>
        public Tensor Linear(Tensor weight, Tensor? bias = null) => LinearOp.Of(x, weight, bias);
    }
}
