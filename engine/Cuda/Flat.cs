namespace MiniTorch.Cuda;

/// <summary>A formula of one to three arrays of the same size, element by element; the result may be one of them.</summary>
sealed class Flat<F>(int operands, string name) where F : unmanaged, IFormula
{
    const int BlockSize = 1024;

    readonly record struct Launch(FormulaConstants Constants, Pointer A, Pointer B, Pointer C, Pointer Y, int Count);

    readonly FormulaKernel<F, Launch> kernel = new(typeof(CudaDevice), "Flat", $"flat{operands}", name);

    internal void Run(CudaDevice device, in F formula, Pointer y, int count, Pointer a, Pointer b = default, Pointer c = default)
    {
        CudaFunction<Launch> function = kernel.For(formula, out FormulaConstants constants);
        device.Launch(function, Workers.Blocks(count, BlockSize), BlockSize / 4, new(constants, a, b, c, y, count));
    }
}
