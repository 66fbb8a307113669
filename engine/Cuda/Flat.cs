namespace MiniTorch.Cuda;

/// <summary>The parameter of <c>flat1</c> to <c>flat3</c>.</summary>
readonly record struct FlatLaunch(FormulaConstants Constants, Pointer A, Pointer B, Pointer C, Pointer Y, int Count);

/// <summary>A formula of one to three arrays of the same size, element by element; the result may be one of them.</summary>
sealed class Flat<F>(int operands, string name) where F : unmanaged, IFormula
{
    const int BlockSize = 1024;

    readonly FormulaKernel<F, FlatLaunch> kernel = new(typeof(CudaDevice), "Flat", $"flat{operands}", name);

    internal void Run<T>(CudaDevice device, in F formula, Pointer y, int count, Pointer a, Pointer b = default, Pointer c = default) where T : unmanaged
    {
        CudaFunction<FlatLaunch> function = kernel.For<T>(formula, out FormulaConstants constants);
        device.Launch(function, Workers.Blocks(count, BlockSize), BlockSize / 4, new(constants, a, b, c, y, count));
    }
}
