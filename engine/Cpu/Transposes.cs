using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MiniTorch;

/// <summary>Small transposes on the way from one place to another, four by four in single precision.</summary>
static unsafe class Transposes
{
    /// <summary>Four rows of four elements become columns: to[i · step + r] = row r [i].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Four(float* r0, float* r1, float* r2, float* r3, float* to, nint step)
    {
        Vector128<float> a = Vector128.Load(r0), b = Vector128.Load(r1), c = Vector128.Load(r2), d = Vector128.Load(r3);
        Vector128<float> ab = Sse.UnpackLow(a, b), cd = Sse.UnpackLow(c, d), abHigh = Sse.UnpackHigh(a, b), cdHigh = Sse.UnpackHigh(c, d);
        Sse.MoveLowToHigh(ab, cd).Store(to);
        Sse.MoveHighToLow(cd, ab).Store(to + step);
        Sse.MoveLowToHigh(abHigh, cdHigh).Store(to + 2 * step);
        Sse.MoveHighToLow(cdHigh, abHigh).Store(to + 3 * step);
    }

    /// <summary>Pixels of up to four channels, <paramref name="step"/> apart, into planes of one channel, <paramref name="plane"/> apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Split<T>(T* pixels, nint step, int count, int channels, T* to, nint plane) where T : unmanaged
    {
        int i = 0;
        if (Sse.IsSupported && typeof(T) == typeof(float) && channels == 4)
            for (; i <= count - 4; i += 4, pixels += 4 * step) Four((float*)pixels, (float*)(pixels + step), (float*)(pixels + 2 * step), (float*)(pixels + 3 * step), (float*)(to + i), plane);
        for (; i < count; i++, pixels += step)
            for (int q = 0; q < channels; q++) to[q * plane + i] = pixels[q];
    }

    /// <summary>The way back: planes of one channel into pixels of up to four.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Join<T>(T* planes, nint plane, int count, int channels, T* pixels, nint step) where T : unmanaged
    {
        int i = 0;
        if (Sse.IsSupported && typeof(T) == typeof(float) && channels == 4)
            for (; i <= count - 4; i += 4, pixels += 4 * step)
                Four((float*)(planes + i), (float*)(planes + plane + i), (float*)(planes + 2 * plane + i), (float*)(planes + 3 * plane + i), (float*)pixels, step);
        for (; i < count; i++, pixels += step)
            for (int q = 0; q < channels; q++) pixels[q] = planes[q * plane + i];
    }
}
