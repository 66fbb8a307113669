#include "DepthwiseTile.h"

DEPTHWISE(21)
