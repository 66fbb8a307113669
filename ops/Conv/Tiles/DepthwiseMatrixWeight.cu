// The gradient of the kernels: for a channel and a row of its kernel the products of 16 columns of dy with the columns of x that they meet, summed over the rows of a map; the sum
// along a diagonal of these products is the gradient of a tap. Rows of x lie as many below those of dy as the row of the kernel says, so that its columns stay where they are.
#include "DepthwiseMatrix.h"

// Columns of x that 16 columns of dy meet, in eights; of rows without zeros beside them, those of the row.
template <Form F> constexpr int Eights = F == Wide ? 4 : F == Narrow ? 2 : 1;

// Sixteen rows of dy, turned; of pairs eight of each image.
template <Form F> DEVICE void slopes(u32 address, u32 (&d)[4])
{
    if constexpr (F == Pairs)
    {
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];" : "=r"(d[0]), "=r"(d[2]) : "r"(address) : "memory");
        d[1] = d[3] = 0;
    }
    else asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3]) : "r"(address) : "memory");
}

// sums += dy times x, whose sixteen rows begin at an address of this lane's row.
template <Form F> DEVICE void correlate(float (&sums)[Eights<F>][4], const u32 (&d)[4], u32 address)
{
    if constexpr (F == Pairs)
    {
        u32 b0, b1;
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];" : "=r"(b0), "=r"(b1) : "r"(address) : "memory");
        multiply(sums[0], d[0], d[1], d[2], d[3], b0, b1);
    }
    else
        UNROLL for (int k = 0; k < Eights<F>; k += 2)
        {
            u32 b0, b1, b2, b3;
            asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(b0), "=r"(b1), "=r"(b2), "=r"(b3) : "r"(address + k * 16) : "memory");
            multiply(sums[k], d[0], d[1], d[2], d[3], b0, b1);
            multiply(sums[k + 1], d[0], d[1], d[2], d[3], b2, b3);
        }
}

// Sums over the images of a block, for so many rows of the kernel from one on: weight [part][tap][channel].
template <Form F, int KernelRows, int Maps> DEVICE void correlateAll(const Depthwise& a)
{
    constexpr int Images = F == Pairs ? 2 * Maps : Maps, Across = F == Wide ? 16 : F == Narrow ? 8 : 4, Height = F == Pairs ? 8 : 16;      // rows of dy at a time
    constexpr int Rows = F == Wide ? Height + KernelRows - 1 : Height + Halo, RowGroups = (Frame + KernelRows - 1) / KernelRows, Columns = 8 * Eights<F>;
    int groups = a.channels / Lines, rest = (u32)blockX() / groups, firstChannel = (blockX() - rest * groups) * Lines, part = (u32)rest / RowGroups, firstRow = (rest - part * RowGroups) * KernelRows;
    int lane = threadX(), line = threadY(), pitchY = F == Wide ? a.pitch - 16 : a.pitch, mapWords = Rows * (a.pitch / 2), wordsY = Height * (pitchY / 2);
    u32* slopeMaps = dynamicShared + Images * Lines * mapWords + Halo * (a.pitch / 2);
    clearShared(Images * Lines * (mapWords + wordsY) + Halo * (a.pitch / 2));

    // A lane's row of x and of dy: matrices lie below each other first for x, beside each other first for dy; of pairs the second lies in the map of the next image.
    int below = lane / 8 % 2, right = F == Pairs ? 0 : lane / 16 % 2;
    u32 ownX = sharedAddress(dynamicShared + line * mapWords) + (F == Pairs ? below * Lines * mapWords * 4 : 0) + ((lane % 8 + (F == Pairs ? 0 : 8 * below)) * a.pitch + 8 * right) * (int)sizeof(bf16);
    u32 ownY = sharedAddress(slopeMaps + line * wordsY) + (F == Pairs ? below * Lines * wordsY * 4 : 0) + ((lane % 8 + (F == Pairs ? 0 : 8 * right)) * pitchY + (F == Pairs ? 0 : 8 * below)) * (int)sizeof(bf16);
    ownX += F == Wide ? 0 : firstRow * a.pitch * (int)sizeof(bf16);
    float sums[KernelRows][Eights<F>][4];
    UNROLL for (int k = 0; k < KernelRows; k++)
        UNROLL for (int e = 0; e < Eights<F>; e++)
            UNROLL for (int i = 0; i < 4; i++) sums[k][e][i] = 0;
    int last = smaller(a.batch, (part + 1) * a.span);
    LOOP for (int image = part * a.span; image < last; image += Images)
        LOOP for (int top = 0; top < a.height; top += Height)
        {
            barrier();
            eachTwo<Across>(a, image, Images, F == Wide ? top + firstRow - Halo : 0, F == Wide ? Rows : a.height, F == Wide ? -Halo : 0, F == Wide ? 8 * a.tiles + Halo : Across, [&](const Two& two)
            {
                stageTwo(a.x + firstChannel + two.at, two.hasFirst, two.hasSecond, a.channels,
                    dynamicShared + (two.map * Lines + 8 * two.half) * mapWords + (two.row + (F == Wide ? 0 : Halo)) * (a.pitch / 2) + two.word, mapWords);
            });
            eachTwo<Across>(a, image, Images, top, F == Wide ? Height : a.height, 0, F == Wide ? 8 * a.tiles : Across, [&](const Two& two)
            {
                stageTwo(a.y + firstChannel + two.at, two.hasFirst, two.hasSecond, a.channels, slopeMaps + (two.map * Lines + 8 * two.half) * wordsY + two.row * (pitchY / 2) + two.word, wordsY);
            });
            barrier();
            LOOP for (int tile = 0; tile < a.tiles; tile++)
                UNROLL for (int n = 0; n < Maps; n++)
                {
                    u32 d[4], step = F == Pairs ? 2 : 1, x = ownX + tile * 16 * (int)sizeof(bf16) + n * step * Lines * mapWords * 4;
                    slopes<F>(ownY + tile * 16 * (int)sizeof(bf16) + n * step * Lines * wordsY * 4, d);
                    UNROLL for (int k = 0; k < KernelRows; k++)
                        if (firstRow + k < Frame) correlate<F>(sums[k], d, x + k * a.pitch * (int)sizeof(bf16));
                }
        }

    // Products of a row of the kernel go to shared memory, from where a lane sums a diagonal.
    barrier();
    float* products = (float*)dynamicShared + line * 16 * (Columns + 1);
    float* weight = (float*)a.weight + (u64)part * a.kernelHeight * a.kernelWidth * a.channels + firstChannel + line;
    UNROLL for (int k = 0; k < KernelRows; k++)
    {
        __nvvm_bar_warp_sync(All);
        UNROLL for (int e = 0; e < Eights<F>; e++)
            UNROLL for (int i = 0; i < 4; i++) products[(lane / 4 + i / 2 * 8) * (Columns + 1) + 8 * e + lane % 4 * 2 + i % 2] = sums[k][e][i];
        __nvvm_bar_warp_sync(All);
        int row = firstRow + k + a.top - Halo, column = lane + a.left - Halo;
        float sum = 0;
        UNROLL for (int m = 0; m < (F == Pairs ? 8 : 16); m++)
        {
            int at = lane + m - (F == Wide ? 0 : Halo);
            if ((u32)at < (u32)Columns) sum += products[m * (Columns + 1) + at];
        }
        if (lane < Frame && (u32)row < (u32)a.kernelHeight && (u32)column < (u32)a.kernelWidth) weight[(row * a.kernelWidth + column) * a.channels] = sum;
    }
}

KERNEL(Threads) depthwiseMatrixWeightWide(const Depthwise a) { correlateAll<Wide, 6, 1>(a); }
KERNEL(Threads) depthwiseMatrixWeightNarrow(const Depthwise a) { correlateAll<Narrow, 9, 4>(a); }
KERNEL(Threads) depthwiseMatrixWeightPairs(const Depthwise a) { correlateAll<Pairs, Frame, 4>(a); }
