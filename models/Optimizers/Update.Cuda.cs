using MiniTorch.Cuda;

namespace MiniTorch.Models;

/// <summary>The parameter of <c>optimizerUpdate</c>.</summary>
readonly record struct UpdateLaunch(FormulaConstants Constants, MembersLaunch Members, Pointer Scale, int States);

/// <summary>The update of many parameters in one launch, by a rule.</summary>
struct UpdateCuda<TRule> : ISingleCudaKernel<UpdateArgs> where TRule : struct, IUpdateRule
{
    static readonly FormulaKernel<RuleFormula, UpdateLaunch> kernel = new(typeof(Optimizer), "Update", "optimizerUpdate", typeof(TRule).DeclaringType!.Name);

    public static void Run(CudaDevice device, in UpdateArgs a)
        => device.Launch(kernel.For<float>(default, out FormulaConstants constants), a.Members.Grid, MembersLaunch.Threads, new(constants, a.Members.Record, a.Scale, a.States));

    readonly struct RuleFormula : IFormula
    {
        public void Write(FormulaTrace trace)
        {
            Traced p = trace.Input(), g = trace.Input(), a = trace.Input(), b = trace.Input(), c = trace.Input();
            Coefficients<Traced> k = default;
            for (int j = 0; j < Coefficients<Traced>.Count; j++) k[j] = trace.Input();
            trace.Output(TRule.Next(p, g, ref a, ref b, ref c, k));
            trace.Output(a);
            trace.Output(b);
            trace.Output(c);
        }
    }
}
