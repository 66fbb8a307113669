#include "DepthwiseTile.h"

DEPTHWISE(9)
