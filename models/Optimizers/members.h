// The tensors of one launch: see Members.cs.
#pragma once

#include "device.h"

#define GLOBAL __attribute__((address_space(1)))

constexpr int MemberBlock = 16384;      // elements of a tensor's block
constexpr int Parts = 4;                // thread blocks that share it
constexpr int Threads = 256;

// The table lies in global memory, and so does what it points to.
template <typename Member> struct Members { const int* firstBlocks; const Member* table; int count; };

// Part of a tensor: which one, and its elements [begin, end).
struct Piece { int member, begin, end; };

// The piece of a thread block.
template <typename Member> DEVICE Piece piece(const Members<Member>& members)
{
    int block = (u32)blockX() / Parts, low = 0, high = members.count;
    LOOP while (high - low > 1)
    {
        int middle = (u32)(low + high) / 2;
        if (members.firstBlocks[middle] <= block) low = middle;
        else high = middle;
    }
    int begin = (block - members.firstBlocks[low]) * MemberBlock + blockX() % Parts * (MemberBlock / Parts);
    return Piece{ low, begin, smaller(members.table[low].count, begin + MemberBlock / Parts) };
}
