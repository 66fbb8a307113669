#include "DepthwiseTile.h"

DEPTHWISE(13)
