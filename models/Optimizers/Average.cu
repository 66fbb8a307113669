#include "members.h"

struct Pair { GLOBAL float* a; GLOBAL float* b; int count; };
struct Blend { Members<Pair> members; const double* share; };

// The averages a move to the weights b by a share of the way.
KERNEL(Threads) averageBlend(const Blend args)
{
    Piece at = piece(args.members);
    const Pair* pair = args.members.table + at.member;
    GLOBAL float* average = pair->a, *weight = pair->b;
    float share = (float)*args.share;
    LOOP for (int i = at.begin + threadX(); i < at.end; i += Threads) average[i] = multiplyAdd(share, weight[i] - average[i], average[i]);
}

struct Exchange { Members<Pair> members; };

// a and b change places.
KERNEL(Threads) averageExchange(const Exchange args)
{
    Piece at = piece(args.members);
    const Pair* pair = args.members.table + at.member;
    GLOBAL float* a = pair->a, *b = pair->b;
    LOOP for (int i = at.begin + threadX(); i < at.end; i += Threads)
    {
        float x = a[i];
        a[i] = b[i];
        b[i] = x;
    }
}
