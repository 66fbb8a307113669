namespace MiniTorch.Cli;

/// <summary>What the program returns to the shell.</summary>
static class ExitCode
{
    internal const int Done = 0, Fault = 1, WrongInput = 2, NoDevice = 3, Interrupted = 130;
}

/// <summary>Input that cannot be used; the message is what the user reads, and ends with what to do.</summary>
sealed class WrongInputException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A device that this machine or this version does not have.</summary>
sealed class NoDeviceException(string message) : Exception(message);
