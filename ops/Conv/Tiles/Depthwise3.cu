#include "DepthwiseTile.h"

DEPTHWISE(3)
