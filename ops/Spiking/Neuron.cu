#include "neuron.h"
#include "scan.h"

struct Forward { Constants constants; const float* x; const float* w; float* spikes; float* membrane; float* h; int steps, width; float rate, start; };

// A neuron a thread, through all steps.
KERNEL(Threads) neuronForward(const Forward p)
{
    int i = blockX() * Threads + threadX();
    if (i >= p.width) return;
    float k = p.w ? rate(*p.w) : p.rate, membrane = p.start;
    LOOP for (int t = 0; t < p.steps; t += Ahead)
    {
        float x[Ahead];
        UNROLL for (int s = 0; s < Ahead; s++) x[s] = at(p.x, t + s, p.steps, p.width, i);
        UNROLL for (int s = 0; s < Ahead; s++)
        {
            if (t + s >= p.steps) break;
            u64 place = (u64)(t + s) * p.width + i;
            float h, spike;
            advance(membrane, x[s], k, h, spike, membrane);
            p.spikes[place] = spike;
            p.membrane[place] = membrane;
            if (p.h) p.h[place] = h;
        }
    }
}

struct Backward { Constants constants; const float* h; const float* w; const float* dSpikes; const float* dMembrane; float* dx; float* partial; int steps, width; float rate, start; };

DEVICE void differentiate(float h, float before, float dSpike, float dMembrane, float k, float& dx, float& carry, float& dw)
{
    asm("formula0 %0, %1, %2, %3, %4, %5, %6, %7;" : "=&f"(dx), "=&f"(carry), "=&f"(dw) : "f"(h), "f"(before), "f"(dSpike), "f"(dMembrane), "f"(k));
}

// The membrane after the reset.
DEVICE float reset(float h)
{
    float membrane;
    asm("formula2 %0, %1;" : "=&f"(membrane) : "f"(h));
    return membrane;
}

// The same from the last step to the first. partial: dw of each block, where w is learned.
KERNEL(Threads) neuronBackward(const Backward p)
{
    int i = blockX() * Threads + threadX();
    float k = p.w ? rate(*p.w) : p.rate, carry = 0, sum = 0;
    if (i < p.width)
        LOOP for (int t = p.steps - 1; t >= 0; t -= Ahead)
        {
            float h[Ahead + 1], dSpike[Ahead], dMembrane[Ahead];
            UNROLL for (int s = 0; s <= Ahead; s++) h[s] = at(p.h, t - s, p.steps, p.width, i);
            UNROLL for (int s = 0; s < Ahead; s++)
            {
                dSpike[s] = at(p.dSpikes, t - s, p.steps, p.width, i);
                dMembrane[s] = at(p.dMembrane, t - s, p.steps, p.width, i);
            }
            UNROLL for (int s = 0; s < Ahead; s++)
            {
                if (t - s < 0) break;
                float dx, dw, before = p.partial && t - s > 0 ? reset(h[s + 1]) : p.start;
                differentiate(h[s], before, dSpike[s], dMembrane[s] + carry, k, dx, carry, dw);
                p.dx[(u64)(t - s) * p.width + i] = dx;
                sum += dw;
            }
        }
    if (!p.partial) return;
    sum = teamSum<Threads>(sum);
    if (threadX() == 0) p.partial[blockX()] = sum;
}
