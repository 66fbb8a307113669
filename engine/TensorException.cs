namespace MiniTorch;

/// <summary>Misuse of tensors or operations: which op, what it wanted, what it got (dtype, shape, device), and the remedy if there is one.</summary>
public sealed class TensorException(string message) : Exception(message);
