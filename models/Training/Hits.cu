#include "device.h"

struct Hits { const int* labels; const int* guesses; int* table; int count, classes; };

// Seen and guessed samples of each class, whole numbers: the order of the additions does not matter.
KERNEL(256) hitsAdd(const Hits a)
{
    int i = blockX() * 256 + threadX();
    if (i >= a.count) return;
    u32 label = a.labels[i];
    if (label >= (u32)a.classes) __builtin_trap();
    __atomic_fetch_add(a.table + 2 * label, 1, __ATOMIC_RELAXED);
    if ((u32)a.guesses[i] == label) __atomic_fetch_add(a.table + 2 * label + 1, 1, __ATOMIC_RELAXED);
}
