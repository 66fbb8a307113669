#include "DepthwiseTile.h"

DEPTHWISE(15)
