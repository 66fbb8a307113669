using System.Diagnostics;
using MiniTorch.Cuda;

namespace MiniTorch;

/// <summary>Work that is noted down as a graph and then repeated with one launch.</summary>
public sealed unsafe partial class CudaDevice
{
    bool capturing;

    /// <summary>Whatever work queues, as a graph that can be launched; none of it runs now.</summary>
    internal nint Capture(Action work)
    {
        Enter();
        driver.BeginCapture(compute);
        capturing = true;
        try
        {
            work();
        }
        catch
        {
            capturing = false;
            DropCapture();
            throw;
        }
        capturing = false;
        nint graph = driver.EndCapture(compute);
        try
        {
            return driver.Instantiate(graph);
        }
        finally
        {
            driver.DestroyGraph(graph);
        }
    }

    /// <summary>Queues all that a graph consists of.</summary>
    internal void Replay(nint instance)
    {
        Queue();
        driver.LaunchGraph(instance, compute);
    }

    /// <summary>Gives a graph back once it no longer runs.</summary>
    internal void Forget(nint instance)
    {
        Enter();
        driver.Synchronize(compute);
        driver.DestroyInstance(instance);
    }

    /// <summary>Reads a scalar while later work runs.</summary>
    internal LateValues Late(Tensor scalar)
    {
        Enter();
        return new(driver, compute, scalar);
    }

    /// <summary>Ends a capture whose work has failed.</summary>
    void DropCapture()
    {
        try
        {
            driver.DestroyGraph(driver.EndCapture(compute));
        }
        catch (CudaException)
        {
            // a driver that refused something refuses the graph too; what it refused first is told
        }
    }

    /// <summary>What a step that is captured may not do; the message begins with the operation outside the engine that does it.</summary>
    void Refuse(string what)
    {
        if (capturing)
            throw new TensorException($"{Caller()} {what}, which a step that is captured as a graph cannot do on {this}: keep it out of the step, or run the steps without a graph (--graph off)");
    }

    static string Caller()
    {
        string engine = typeof(CudaDevice).Assembly.GetName().Name!;
        foreach (StackFrame frame in new StackTrace().GetFrames())
        {
            if (DiagnosticMethodInfo.Create(frame) is not { DeclaringTypeName: { } type } method || method.DeclaringAssemblyName.StartsWith(engine + ",", StringComparison.Ordinal)) continue;
            string outermost = type.Split('`', '+', '[')[0];
            return outermost[(outermost.LastIndexOf('.') + 1)..];
        }
        return "the step";
    }
}
