namespace MiniTorch; internal static class Emptyops;
