using System.Runtime.CompilerServices;

namespace MiniTorch;

/// <summary>Checks at the door of an operation. The message names the operation (its file), the argument, what was wanted and what came.</summary>
public static class Expect
{
    /// <summary>The tensor must have exactly this shape.</summary>
    public static void Shape(Tensor x, Shape wanted, [CallerArgumentExpression(nameof(x))] string name = "", [CallerFilePath] string file = "")
    {
        if (x.Shape != wanted) throw new TensorException($"{Op(file)}: {name} must be {wanted}, got {x}");
    }

    /// <summary>The tensor must have this many dimensions.</summary>
    public static void Rank(Tensor x, int wanted, string layout, [CallerArgumentExpression(nameof(x))] string name = "", [CallerFilePath] string file = "")
    {
        if (x.Shape.Rank != wanted) throw new TensorException($"{Op(file)}: {name} must be {layout}, got {x}");
    }

    /// <summary>The tensor must hold real numbers.</summary>
    public static void Real(Tensor x, [CallerArgumentExpression(nameof(x))] string name = "", [CallerFilePath] string file = "")
    {
        if (!x.DType.IsReal()) throw new TensorException($"{Op(file)}: {name} must hold real numbers, got {x}");
    }

    /// <summary>The tensor must hold 32-bit integers.</summary>
    public static void Indices(Tensor x, [CallerArgumentExpression(nameof(x))] string name = "", [CallerFilePath] string file = "")
    {
        if (x.DType != DType.Int32) throw new TensorException($"{Op(file)}: {name} must hold i32 indices, got {x}");
    }

    /// <summary>Two tensors must share dtype and device.</summary>
    public static void Alike(Tensor a, Tensor b, [CallerArgumentExpression(nameof(a))] string nameA = "", [CallerArgumentExpression(nameof(b))] string nameB = "",
        [CallerFilePath] string file = "")
    {
        if (a.DType != b.DType || a.Device != b.Device)
            throw new TensorException($"{Op(file)}: {nameA} and {nameB} must share dtype and device, got {a} and {b}");
    }

    /// <summary>Any other condition; <paramref name="wanted"/> says what was expected, in a few words, and the remedy if there is one.</summary>
    public static void That(bool holds, string wanted, Tensor got, [CallerFilePath] string file = "")
    {
        if (!holds) throw new TensorException($"{Op(file)}: {wanted}, got {got}");
    }

    /// <summary>The same for a text with numbers in it, which is only made where the condition does not hold.</summary>
    public static void That(bool holds, [InterpolatedStringHandlerArgument(nameof(holds))] ref Wanted wanted, Tensor got, [CallerFilePath] string file = "")
    {
        if (!holds) throw new TensorException($"{Op(file)}: {wanted.ToString()}, got {got}");
    }

    /// <summary>What was expected, as <c>$"…"</c>.</summary>
    [InterpolatedStringHandler]
    public ref struct Wanted
    {
        DefaultInterpolatedStringHandler text;

        /// <summary>Begins a text; nothing more is done where the condition holds.</summary>
        public Wanted(int literals, int values, bool holds, out bool made)
        {
            made = !holds;
            if (made) text = new(literals, values);
        }

        /// <summary>Appends a part of the text.</summary>
        public void AppendLiteral(string part) => text.AppendLiteral(part);

        /// <summary>Appends a value.</summary>
        public void AppendFormatted<T>(T value) => text.AppendFormatted(value);

        /// <summary>The text.</summary>
        public override string ToString() => text.ToString();
    }

    static string Op(string file) => Path.GetFileNameWithoutExtension(file);
}
