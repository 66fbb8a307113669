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

    static string Op(string file) => Path.GetFileNameWithoutExtension(file);
}
