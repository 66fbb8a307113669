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
        Tensor? dBias = gradients.Wants(bias) && gradients.Wants(weight) && dy.Count > 0 && weight.Shape.Count > 0 ? Tensor.Like(dy, bias.Shape) : null;
        Differentiate(x, weight, savedX, savedWeight, dy, gradients, dBias);
        if (gradients.Wants(bias)) gradients.Add(bias, dBias ?? Sum.To(bias.Shape, dy));
    }

    /// <summary>The gradients of both factors; dBias, if given, takes the column sums of dy, with the gradient of the weight.</summary>
    internal static void Differentiate(Input x, Input weight, Saved? savedX, Saved? savedWeight, Tensor dy, Gradients gradients, Tensor? dBias = null)
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
            weightGradient.Launch(dy.Device, dy.DType, new(new(savedX, dy, dw, weight.Shape[0], outputs, rows, TransposeA: true), dBias));
            gradients.Add(weight, dw);
        }
    }

    /// <summary>The product xᵀ · dy, and what takes the sums of dy.</summary>
    readonly record struct WeightArgs(GemmArgs Product, Pointer DBias) : ICost
    {
        public Cost Cost(int size)
        {
            Cost product = Product.Cost(size);
            return DBias.IsNull ? product : product with { Bytes = product.Bytes + (double)size * Product.N };
        }
    }

    static readonly Kernel<GemmArgs> forward = Kernel<GemmArgs>.On<Gemm.Body, Gemm.Cuda>("Linear.forward"), inputGradient = Kernel<GemmArgs>.On<Gemm.Body, Gemm.Cuda>("Linear.inputGradient");
    static readonly Kernel<WeightArgs> weightGradient = Kernel<WeightArgs>.On<WeightBody, WeightCuda>("Linear.weightGradient");

    struct WeightBody : ICpuKernel<WeightArgs>
    {
        public static void Run<T, V>(CpuDevice device, in WeightArgs a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            Gemm.Run<T, V>(device, a.Product);
            if (!a.DBias.IsNull) Fold<Sum.Plus>.Columns<T, V>(device, a.Product.B, a.Product.K, a.Product.N, a.DBias);
        }
    }

    struct WeightCuda : ICudaKernel<WeightArgs>
    {
        /// <summary>By a library that sums dy while it multiplies, or else dy is read twice.</summary>
        public static void Run<T>(CudaDevice device, in WeightArgs a) where T : unmanaged
        {
            if (!a.DBias.IsNull && Gemm.Cuda.TrySums<T>(device, a.Product, a.DBias)) return;
            Gemm.Cuda.Run<T>(device, a.Product);
            if (!a.DBias.IsNull) Fold<Sum.Plus>.Columns<T>(device, a.Product.B, a.Product.K, a.Product.N, a.DBias);
        }
    }
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
