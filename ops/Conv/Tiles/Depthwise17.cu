#include "DepthwiseTile.h"

DEPTHWISE(17)
