#include "DepthwiseTile.h"

DEPTHWISE(25)
