#include "device.h"

constexpr int BlockSize = 1024, Threads = 256, Together = 4, Most = 240;

template <typename From> struct Member { const From* from; int firstBlock, count; };

template <typename From, typename To> struct Casts { To* to; Member<From> members[Most]; int count; };

// Elements of one member, four a thread; a block between two members has none. The blocks of a launch begin with those of its first member.
template <typename From, typename To> DEVICE void cast(const Casts<From, To>& a)
{
    int block = a.members[0].firstBlock + blockX(), low = 0, high = a.count;
    LOOP while (high - low > 1)
    {
        int middle = (u32)(low + high) / 2;
        if (a.members[middle].firstBlock <= block) low = middle;
        else high = middle;
    }
    const From* from = a.members[low].from;
    int i = (block - a.members[low].firstBlock) * BlockSize + threadX() * Together, count = a.members[low].count;
    if (i >= count) return;
    To* to = a.to + (u64)a.members[low].firstBlock * BlockSize;
    if (count - i >= Together && (u64)from % (Together * sizeof(From)) == 0)
    {
        putFour(to + i, four(from + i));
        return;
    }
    LOOP for (int end = smaller(count, i + Together); i < end; i++) to[i] = from[i];
}

KERNEL(Threads) mixedRound(const Casts<float, bf16> a) { cast(a); }
KERNEL(Threads) mixedWiden(const Casts<bf16, float> a) { cast(a); }
