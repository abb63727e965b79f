// Attention inside one picture: see picture_amx.cpp.
#pragma once
#include "kernels.h"

namespace moonhand {

constexpr int PICTURE_QUERIES = 256;  // that walk over the keys together

struct Picture {
    const uint16_t *qkv;            // [patches, 3, heads, dim] bfloat16
    const float *cosines, *sines;   // [patches, dim / 2]
    int patches, heads, dim;
    int spans, values;              // of 32 and of 16 channels, the last padded with zeros
    float scale;
};

// One head's patches from `first` on, as tiles; patches past the last are zeros.
void pack_head(const Picture &picture, int head, int first, int count, uint16_t *queries,
               uint16_t *keys, uint16_t *values);
// out [patches, heads, dim]: PICTURE_QUERIES patches from `first` on.
void attend_picture(const Picture &picture, int head, int first, const uint16_t *queries,
                    const uint16_t *keys, const uint16_t *values, uint16_t *out);

}  // namespace moonhand
