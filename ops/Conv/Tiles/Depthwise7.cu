#include "DepthwiseTile.h"

DEPTHWISE(7)
