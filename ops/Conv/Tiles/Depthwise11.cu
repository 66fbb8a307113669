#include "DepthwiseTile.h"

DEPTHWISE(11)
