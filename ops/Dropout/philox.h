// Random bits, the same as those of Philox.cs.
#pragma once

#include "device.h"

struct Words { u32 x, y, z, w; };

// The four words of a counter at a site; the state is seed low, seed high, step low, step high.
DEVICE Words words(const u32* state, u32 site, u32 counter)
{
    u32 a = counter, b = site, c = state[2], d = state[3], low = state[0], high = state[1];
    UNROLL for (int round = 0; round < 10; round++)
    {
        u64 first = (u64)0xD2511F53u * a, second = (u64)0xCD9E8D57u * c;
        a = (u32)(second >> 32) ^ b ^ low;
        b = (u32)second;
        c = (u32)(first >> 32) ^ d ^ high;
        d = (u32)first;
        low += 0x9E3779B9u;
        high += 0xBB67AE85u;
    }
    return Words{ a, b, c, d };
}

// A word as a number in [0, 1) with 24 bits.
DEVICE float unit(u32 word) { return (float)(int)(word >> 8) * (1.0f / (1 << 24)); }
