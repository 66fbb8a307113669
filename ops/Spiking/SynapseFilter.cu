#include "scan.h"

struct Forward { Constants constants; const float* x; const float* w; float* y; int steps, width; float rate; };

DEVICE float advance(float before, float x, float k)
{
    float y;
    asm("formula0 %0, %1, %2, %3;" : "=&f"(y) : "f"(before), "f"(x), "f"(k));
    return y;
}

KERNEL(Threads) synapseForward(const Forward p)
{
    int i = blockX() * Threads + threadX();
    if (i >= p.width) return;
    float k = p.w ? rate(*p.w) : p.rate, y = 0;
    LOOP for (int t = 0; t < p.steps; t += Ahead)
    {
        float x[Ahead];
        UNROLL for (int s = 0; s < Ahead; s++) x[s] = at(p.x, t + s, p.steps, p.width, i);
        UNROLL for (int s = 0; s < Ahead; s++)
        {
            if (t + s >= p.steps) break;
            y = advance(y, x[s], k);
            p.y[(u64)(t + s) * p.width + i] = y;
        }
    }
}

struct Backward { Constants constants; const float* x; const float* w; const float* y; const float* dy; float* dx; float* partial; int steps, width; float rate; };

DEVICE void differentiate(float before, float x, float dy, float k, float& dx, float& carry, float& dw)
{
    asm("formula0 %0, %1, %2, %3, %4, %5, %6;" : "=&f"(dx), "=&f"(carry), "=&f"(dw) : "f"(before), "f"(x), "f"(dy), "f"(k));
}

// From the last step to the first. partial: dw of each block, where w is learned.
KERNEL(Threads) synapseBackward(const Backward p)
{
    int i = blockX() * Threads + threadX();
    float k = p.w ? rate(*p.w) : p.rate, carry = 0, sum = 0;
    if (i < p.width)
        LOOP for (int t = p.steps - 1; t >= 0; t -= Ahead)
        {
            float x[Ahead], before[Ahead], dy[Ahead];
            UNROLL for (int s = 0; s < Ahead; s++)
            {
                x[s] = at(p.x, t - s, p.steps, p.width, i);
                before[s] = at(p.y, t - s - 1, p.steps, p.width, i);
                dy[s] = at(p.dy, t - s, p.steps, p.width, i);
            }
            UNROLL for (int s = 0; s < Ahead; s++)
            {
                if (t - s < 0) break;
                float dx, dw;
                differentiate(before[s], x[s], dy[s] + carry, k, dx, carry, dw);
                p.dx[(u64)(t - s) * p.width + i] = dx;
                sum += dw;
            }
        }
    if (!p.partial) return;
    sum = teamSum<Threads>(sum);
    if (threadX() == 0) p.partial[blockX()] = sum;
}
