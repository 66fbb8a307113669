#include "DepthwiseTile.h"

DEPTHWISE(5)
