// For a channel and a row of its kernel, 16 neighbouring results of 8 rows are a product: a Toeplitz matrix of the row, [16 results, 32 inputs], times inputs [32, 8 rows]. Of the
// Toeplitz matrix a lane needs only five registers, since entries along a diagonal are equal: pairs of neighbours of the row, at distances of eight. A row lies twice in shared
// memory, once for pairs that begin at even and once at odd places, between zeros that it shares with the rows beside it. They are made once for all images of a block.
//
// Rows of a kernel without a weight, which DCLS draws where no tap is, are left out, for a warp has one kernel: then what they would meet, not a number or infinite, does not pass on. A kernel whose
// rows all have weights goes through a loop without tests.
//
// Eight rows of zeros lie between maps, so that rows that lead out of the map need no choice. Results go where inputs have been read for the last time, and leave together.
#include "DepthwiseMatrix.h"

constexpr int RowWords = Frame, CopyWords = 304, LineWords = 2 * CopyWords + 2;     // pairs of a row and zeros; of a channel: copies 16 banks apart, channels 2
constexpr int Rounds = 8;
constexpr u32 EveryRow = (1 << Frame) - 1;

// Eight rows of inputs, from an address of this lane's row on.
template <Form F> DEVICE void inputs(u32 address, u32 (&b)[4])
{
    if constexpr (F == Wide) asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(b[0]), "=r"(b[1]), "=r"(b[2]), "=r"(b[3]) : "r"(address) : "memory");
    else asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];" : "=r"(b[0]), "=r"(b[1]) : "r"(address) : "memory");
}

// sums += the Toeplitz matrix of a row of the kernel times inputs.
template <Form F> DEVICE void convolve(float (&sums)[4], const u32 (&row)[5], const u32 (&b)[4])
{
    if constexpr (F == Wide)
    {
        multiply(sums, row[1], row[0], row[2], row[1], b[0], b[1]);
        multiply(sums, row[3], row[2], row[4], row[3], b[2], b[3]);
    }
    else if constexpr (F == Narrow) multiply(sums, row[2], row[1], row[3], row[2], b[0], b[1]);
    else multiply(sums, row[2], 0, 0, row[2], b[0], b[1]);
}

// Pairs of a row of the kernel for this lane.
template <Form F> DEVICE void pairs(const u32* from, u32 (&row)[5])
{
    UNROLL for (int i = 0; i < 5; i++)
        if (F == Wide || (F == Narrow && i > 0 && i < 4) || i == 2) row[i] = from[4 * i - 4];
}

// The eight rows of all maps below a row of the kernel and below the eighth behind it meet their results, if either is wanted.
template <Form F, int RowBlocks, int Maps, bool First, bool Second> DEVICE void convolveRows(float (&sums)[Maps][RowBlocks][4], const u32* rows, u32 address, u32 mapBytes, u32 rowBytes)
{
    u32 first[5], second[5], b[4];
    if constexpr (First) pairs<F>(rows, first);
    if constexpr (Second) pairs<F>(rows + 8 * RowWords, second);
    UNROLL for (int n = 0; n < Maps; n++)
        UNROLL for (int r = First ? 0 : 1; r <= (Second ? RowBlocks : RowBlocks - 1); r++)
        {
            inputs<F>(address + n * mapBytes + r * 8 * rowBytes, b);
            if constexpr (First)
                if (r < RowBlocks) convolve<F>(sums[n][r], first, b);
            if constexpr (Second)
                if (r > 0) convolve<F>(sums[n][r - 1], second, b);
        }
}

// A bit for each row of the frame in which a channel's kernel, the even copy of which begins here, has a weight.
DEVICE u32 filledRows(const u32* even)
{
    u32 some = 0;
    if (threadX() < Frame)
        UNROLL for (int i = 0; i <= Halo; i++) some |= even[Halo + threadX() * RowWords + i];
    return ballot(some != 0);
}

// Both copies of the kernels of the block's channels.
DEVICE void stageWeights(const Depthwise& a, int firstChannel, u32* to)
{
    int thread = threadY() * Warp + threadX(), line = thread % Lines, taps = a.kernelHeight * a.kernelWidth;
    bf16* even = (bf16*)(to + line * LineWords), *odd = even + 2 * CopyWords;
    LOOP for (int tap = thread / Lines; tap < taps; tap += Threads / Lines)
    {
        int i = (u32)tap / a.kernelWidth, column = tap - i * a.kernelWidth + Halo - a.left, place = 2 * (Halo + (i + Halo - a.top) * RowWords) + column;
        bf16 w = ((const bf16*)a.weight)[(a.reversed ? taps - 1 - tap : tap) * a.channels + firstChannel + line];
        even[place] = w;
        odd[place - 1] = w;
    }
}

// Two pixels of eight channels from their maps.
DEVICE void putTwo(bf16* first, bool hasFirst, bool hasSecond, int channels, const u32* from, int mapWords)
{
    uint4 a, b;
    UNROLL for (int i = 0; i < 4; i++)
    {
        u32 low = from[2 * i * mapWords], high = from[(2 * i + 1) * mapWords];
        a[i] = (low & 0xFFFF) | high << 16;
        b[i] = low >> 16 | (high & 0xFFFF0000u);
    }
    if (hasFirst) *(uint4*)first = a;
    if (hasSecond) *(uint4*)(first + channels) = b;
}

// Maps of at most 8 RowBlocks rows, so many of a channel at a time; a pair is one.
template <Form F, int RowBlocks, int Maps> DEVICE void depthwise(const Depthwise& a)
{
    constexpr int Rows = 8 * RowBlocks + Halo, Images = F == Pairs ? 2 * Maps : Maps, Across = F == Wide ? 16 : F == Narrow ? 8 : 4;
    int groups = a.channels / Lines, part = (u32)blockX() / groups, firstChannel = (blockX() - part * groups) * Lines, lane = threadX(), line = threadY();
    int mapWords = Rows * (a.pitch / 2), allWords = Maps * Lines * mapWords + Halo * (a.pitch / 2);
    clearShared(allWords + Lines * LineWords);
    stageWeights(a, firstChannel, dynamicShared + allWords);
    barrier();
    u32 filled = filledRows(dynamicShared + allWords + line * LineWords), mapBytes = Lines * mapWords * sizeof(u32);
    float bias = a.bias ? (float)a.bias[firstChannel + line] : 0;
    int distance = 2 * (lane % 4) - lane / 4, odd = distance & 1;
    const u32* kernel = dynamicShared + allWords + line * LineWords + odd * CopyWords + Halo + (distance - odd) / 2;
    u32 own = sharedAddress(dynamicShared + line * mapWords) + (lane % 8 * a.pitch + lane / 8 % (F == Wide ? 4 : 2) * 8) * (int)sizeof(bf16);
    u32 rowBytes = a.pitch * sizeof(bf16), last = smaller(a.batch, (part + 1) * a.span), staged = F == Wide ? 8 * a.tiles + Halo / 2 : Across;
    auto place = [&](const Two& two)
    {
        return dynamicShared + ((F == Pairs ? two.map / 2 : two.map) * Lines + 8 * two.half) * mapWords + (two.row + Halo) * (a.pitch / 2) + (F == Pairs ? two.map % 2 * 4 : 0) + two.word;
    };
    LOOP for (u32 image = part * a.span; image < last; image += Images)
    {
        barrier();
        eachTwo<Across>(a, image, Images, 0, a.height, F == Wide ? -Halo : 0, staged,
            [&](const Two& two) { stageTwo(a.x + firstChannel + two.at, two.hasFirst, two.hasSecond, a.channels, place(two), mapWords); });
        barrier();
        LOOP for (int tile = 0; tile < a.tiles; tile++)
        {
            float sums[Maps][RowBlocks][4];
            UNROLL for (int n = 0; n < Maps; n++)
                UNROLL for (int r = 0; r < RowBlocks; r++)
                    UNROLL for (int i = 0; i < 4; i++) sums[n][r][i] = bias;
            u32 address = own + tile * 16 * (int)sizeof(bf16);
            const u32* rows = kernel;
            if (filled == EveryRow)
            {
                LOOP for (int j = 0; j < Rounds; j++, address += rowBytes, rows += RowWords) convolveRows<F, RowBlocks, Maps, true, true>(sums, rows, address, mapBytes, rowBytes);
            }
            else
            {
                LOOP for (int j = 0; j < Rounds; j++, address += rowBytes, rows += RowWords)
                {
                    bool first = filled >> j & 1, second = filled >> (j + Rounds) & 1;
                    if (first && second) convolveRows<F, RowBlocks, Maps, true, true>(sums, rows, address, mapBytes, rowBytes);
                    else if (first) convolveRows<F, RowBlocks, Maps, true, false>(sums, rows, address, mapBytes, rowBytes);
                    else if (second) convolveRows<F, RowBlocks, Maps, false, true>(sums, rows, address, mapBytes, rowBytes);
                }
            }
            if (filled >> (2 * Rounds))             // the seventeenth row; for the last results it leads out of the map
            {
                u32 last[5], b[4];
                pairs<F>(rows + 8 * RowWords, last);
                UNROLL for (int n = 0; n < Maps; n++)
                    UNROLL for (int r = 0; r < RowBlocks - 1; r++)
                    {
                        inputs<F>(address + n * mapBytes + (r + 1) * 8 * rowBytes, b);
                        convolve<F>(sums[n][r], last, b);
                    }
            }
            __nvvm_bar_warp_sync(All);
            UNROLL for (int n = 0; n < Maps; n++)
                UNROLL for (int r = 0; r < RowBlocks; r++)
                    UNROLL for (int i = 0; i < 4; i++)
                    {
                        int y = 8 * r + lane % 4 * 2 + i % 2, column = tile * 16 + lane / 4 + i / 2 * 8;
                        bf16* map = (bf16*)(dynamicShared + (n * Lines + line) * mapWords);
                        if (y < a.height) map[(y + Halo) * a.pitch + column] = sums[n][r][i];
                    }
            __nvvm_bar_warp_sync(All);
        }
        barrier();
        eachTwo<Across>(a, image, Images, 0, a.height, 0, (a.width + 1) / 2,
            [&](const Two& two) { putTwo(a.y + firstChannel + two.at, two.hasFirst, two.hasSecond, a.channels, place(two), mapWords); });
    }
}

KERNEL(Threads) depthwiseMatrixWide7(const Depthwise a) { depthwise<Wide, 7, 1>(a); }
KERNEL(Threads) depthwiseMatrixWide4(const Depthwise a) { depthwise<Wide, 4, 1>(a); }
KERNEL(Threads) depthwiseMatrixNarrow(const Depthwise a) { depthwise<Narrow, 2, 4>(a); }
KERNEL(Threads) depthwiseMatrixPairs(const Depthwise a) { depthwise<Pairs, 1, 4>(a); }
