using System.Runtime.InteropServices;

namespace MiniTorch;

/// <summary>
/// Native memory whose large blocks lie in pages of 2 MiB where the system has them: one fault and one address translation for what would be 512. Linux hands such pages
/// out on request; elsewhere, or where they are turned off, the memory is ordinary, which changes nothing but the time.
/// </summary>
static unsafe partial class HugePages
{
    const nuint Page = 2 << 20;
    const nuint Line = 64;
    const int AdviseHugePage = 14;      // MADV_HUGEPAGE of linux/mman.h

    /// <summary>
    /// At least <paramref name="size"/> bytes, 64-byte aligned; <see cref="NativeMemory.AlignedFree"/> frees them. The first <paramref name="used"/> of them lie in large pages as far
    /// as they fill such pages: what is beyond is to take no memory before it is touched.
    /// </summary>
    internal static void* Take(long size, long used)
    {
        nuint whole = (nuint)used & ~(Page - 1);
        if (whole == 0 || !OperatingSystem.IsLinux()) return NativeMemory.AlignedAlloc((nuint)size, Line);
        void* at = NativeMemory.AlignedAlloc((nuint)size, Page);
        _ = Advise(at, whole, AdviseHugePage);      // a wish: a kernel without such pages refuses, and nothing is lost
        return at;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* at, nuint length, int advice);
}
