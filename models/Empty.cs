namespace MiniTorch; internal static class Emptymodels;
