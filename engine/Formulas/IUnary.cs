namespace MiniTorch;

/// <summary>
/// A function of one variable, written once: y = f(x) and dy/dx. Its fields, if any, are its constants (a bound, an exponent); the struct travels to the
/// kernel as it is.
/// </summary>
public interface IUnary
{
    /// <summary>f(x).</summary>
    R Value<R>(R x) where R : struct, IReal<R>;

    /// <summary>f′, as a function of x or, where <see cref="SlopeFromOutput"/> holds, of y = f(x).</summary>
    R Slope<R>(R saved) where R : struct, IReal<R>;

    /// <summary>True if the slope is computed from the output: backward then keeps y, which usually lives anyway, instead of x.</summary>
    static abstract bool SlopeFromOutput { get; }

    /// <summary>What libraries of matrix products call the formula.</summary>
    static virtual LibraryFormula Library => LibraryFormula.None;
}

/// <summary>The formulas that a library of matrix products can apply before it stores a product.</summary>
public enum LibraryFormula
{
    /// <summary>No library has it.</summary>
    None,

    /// <summary>max(x, 0).</summary>
    Relu,

    /// <summary>GELU's tanh form.</summary>
    GeluTanh,
}

/// <summary>A function of two variables, written once, with both partial derivatives.</summary>
public interface IBinary
{
    /// <summary>f(a, b).</summary>
    R Value<R>(R a, R b) where R : struct, IReal<R>;

    /// <summary>∂f/∂a.</summary>
    R SlopeA<R>(R a, R b) where R : struct, IReal<R>;

    /// <summary>∂f/∂b.</summary>
    R SlopeB<R>(R a, R b) where R : struct, IReal<R>;

    /// <summary>False for sums and differences: their slopes are constants, so backward keeps nothing.</summary>
    static abstract bool SlopesNeedInputs { get; }
}
