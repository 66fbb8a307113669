#include "device.h"

constexpr u32 Threads = 256, Together = 4;

template <typename From, typename To> struct Cast { const From* x; To* y; u32 count; };

// y = x, four elements a thread.
template <typename From, typename To> DEVICE void cast(const Cast<From, To>& a)
{
    u32 i = ((u32)blockX() * Threads + threadX()) * Together;
    if (i >= a.count) return;
    if ((u64)a.x % (Together * sizeof(From)) == 0 && (u64)a.y % (Together * sizeof(To)) == 0 && a.count - i >= Together)
    {
        putFour(a.y + i, four(a.x + i));
        return;
    }
    LOOP for (u32 end = least(a.count - i, Together) + i; i < end; i++) a.y[i] = a.x[i];
}

KERNEL(Threads) castNarrow(const Cast<float, bf16> a) { cast(a); }
KERNEL(Threads) castWiden(const Cast<bf16, float> a) { cast(a); }
