namespace MiniTorch.Ops;

/// <summary>y = a + b.</summary>
public readonly struct Add : IBinary
{
    /// <inheritdoc/>
    public static bool SlopesNeedInputs => false;
    /// <inheritdoc/>
    public R Value<R>(R a, R b) where R : struct, IReal<R> => a + b;
    /// <inheritdoc/>
    public R SlopeA<R>(R a, R b) where R : struct, IReal<R> => R.Of(1);
    /// <inheritdoc/>
    public R SlopeB<R>(R a, R b) where R : struct, IReal<R> => R.Of(1);
}

/// <summary>y = a − b.</summary>
public readonly struct Subtract : IBinary
{
    /// <inheritdoc/>
    public static bool SlopesNeedInputs => false;
    /// <inheritdoc/>
    public R Value<R>(R a, R b) where R : struct, IReal<R> => a - b;
    /// <inheritdoc/>
    public R SlopeA<R>(R a, R b) where R : struct, IReal<R> => R.Of(1);
    /// <inheritdoc/>
    public R SlopeB<R>(R a, R b) where R : struct, IReal<R> => R.Of(-1);
}

/// <summary>y = a b.</summary>
public readonly struct Multiply : IBinary
{
    /// <inheritdoc/>
    public static bool SlopesNeedInputs => true;
    /// <inheritdoc/>
    public R Value<R>(R a, R b) where R : struct, IReal<R> => a * b;
    /// <inheritdoc/>
    public R SlopeA<R>(R a, R b) where R : struct, IReal<R> => b;
    /// <inheritdoc/>
    public R SlopeB<R>(R a, R b) where R : struct, IReal<R> => a;
}

/// <summary>y = a / b.</summary>
public readonly struct Divide : IBinary
{
    /// <inheritdoc/>
    public static bool SlopesNeedInputs => true;
    /// <inheritdoc/>
    public R Value<R>(R a, R b) where R : struct, IReal<R> => a / b;
    /// <inheritdoc/>
    public R SlopeA<R>(R a, R b) where R : struct, IReal<R> => R.Of(1) / b;
    /// <inheritdoc/>
    public R SlopeB<R>(R a, R b) where R : struct, IReal<R> => -a / (b * b);
}

/// <summary>Operators on tensors, elementwise; shapes broadcast right-aligned, numbers are constants.</summary>
public static class Arithmetic
{
    extension(Tensor)
    {
        /// <summary>a + b.</summary>
        public static Tensor operator +(Tensor a, Tensor b) => Binary<Add>.Of(a, b);
        /// <summary>a − b.</summary>
        public static Tensor operator -(Tensor a, Tensor b) => Binary<Subtract>.Of(a, b);
        /// <summary>a · b, elementwise.</summary>
        public static Tensor operator *(Tensor a, Tensor b) => Binary<Multiply>.Of(a, b);
        /// <summary>a / b.</summary>
        public static Tensor operator /(Tensor a, Tensor b) => Binary<Divide>.Of(a, b);
        /// <summary>−a.</summary>
        public static Tensor operator -(Tensor a) => Affine.Of(a, -1);
        /// <summary>a + c.</summary>
        public static Tensor operator +(Tensor a, double c) => Affine.Of(a, 1, c);
        /// <summary>c + a.</summary>
        public static Tensor operator +(double c, Tensor a) => Affine.Of(a, 1, c);
        /// <summary>a − c.</summary>
        public static Tensor operator -(Tensor a, double c) => Affine.Of(a, 1, -c);
        /// <summary>c − a.</summary>
        public static Tensor operator -(double c, Tensor a) => Affine.Of(a, -1, c);
        /// <summary>a · c.</summary>
        public static Tensor operator *(Tensor a, double c) => Affine.Of(a, c);
        /// <summary>c · a.</summary>
        public static Tensor operator *(double c, Tensor a) => Affine.Of(a, c);
        /// <summary>a / c.</summary>
        public static Tensor operator /(Tensor a, double c) => Affine.Of(a, 1 / c);
        /// <summary>c / a.</summary>
        public static Tensor operator /(double c, Tensor a) => Unary<Reciprocal>.Of(a, new(c));
    }
}
