// Depthwise convolution of bf16 on tensor cores, stride and dilation 1, channels last, kernels of at most 17 x 17: what its two directions have in common.
//
// A block takes sixteen channels, 32 bytes of a pixel, a warp each. In shared memory their maps lie apart, [image][channel][row][column], so that instructions for matrices find
// eight neighbours of a row together. Maps are at most 16 columns wide in narrow forms, which need no zeros beside them; two of at most eight pixels share a tile as a pair.
#pragma once
#include "device.h"

constexpr int Lines = 16, Threads = Lines * Warp;
constexpr int Halo = 8;                     // rows and columns of zeros beside a map; kernels lie in a frame of twice as many and one
constexpr int Frame = 2 * Halo + 1;

enum Form { Wide, Narrow, Pairs };

struct Depthwise
{
    const bf16* x; void* weight; bf16* y; const bf16* bias;         // the kernels, or sums of float for their gradient
    int batch, channels, height, width, kernelHeight, kernelWidth, top, left, reversed;
    int tiles, pitch, span;                 // tiles across; elements of a row of x in shared memory; images of a block
};

extern __attribute__((shared, aligned(16))) u32 dynamicShared[];

typedef u32 uint4 __attribute__((ext_vector_type(4)));

DEVICE void multiply(float (&sums)[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1)
{
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3]) : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

DEVICE u32 sharedAddress(const u32* p) { return sharedAddress((const float*)p); }

DEVICE void clearShared(int words)
{
    LOOP for (int i = threadY() * Warp + threadX(); i < words; i += Threads) dynamicShared[i] = 0;
    barrier();
}

// Two neighbouring pixels of eight channels, each to its own map.
DEVICE void stageTwo(const bf16* first, bool hasFirst, bool hasSecond, int channels, u32* to, int mapWords)
{
    uint4 a = hasFirst ? *(const uint4*)first : uint4{}, b = hasSecond ? *(const uint4*)(first + channels) : uint4{};
    UNROLL for (int i = 0; i < 4; i++)
    {
        to[2 * i * mapWords] = (a[i] & 0xFFFF) | b[i] << 16;
        to[(2 * i + 1) * mapWords] = a[i] >> 16 | (b[i] & 0xFFFF0000u);
    }
}

// A place of the pairs of pixels that a block goes through: the first element in memory of the eight channels of a half, and whether the two pixels exist.
struct Two { long long at; int map, row, word, half; bool hasFirst, hasSecond; };

// Each pair of some rows of images from a column on, Across of them by neighbouring lanes.
template <int Across, typename Visit> DEVICE void eachTwo(const Depthwise& a, int firstImage, int images, int firstRow, int rows, int firstColumn, int words, Visit visit)
{
    constexpr int Below = Warp / 2 / Across;
    int lane = threadX(), half = lane % 2, pair = lane / 2 % Across;
    LOOP for (int i = threadY() * Below + lane / 2 / Across; i < images * rows; i += Lines * Below)
    {
        int map = (u32)i / rows, row = i - map * rows, y = firstRow + row, image = firstImage + map, wanted = image < a.batch && (u32)y < (u32)a.height ? a.width : 0;
        LOOP for (int word = pair; word < words; word += Across)
        {
            int x = firstColumn + 2 * word;
            visit(Two{ ((long long)(image * a.height + y) * a.width + x) * a.channels + 8 * half, map, row, word, half, (u32)x < (u32)wanted, (u32)(x + 1) < (u32)wanted });
        }
    }
}
