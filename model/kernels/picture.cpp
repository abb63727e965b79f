// Attention inside a picture, for the outside: head by head, so that one head's tiles are all there
// is of them.
#include <algorithm>
#include <cstdlib>

#include "numbers.h"
#include "picture.h"

using namespace moonhand;

namespace {

constexpr int PACKED = 512;  // patches that are packed as one piece of work
constexpr int AMX = 3;
constexpr int WIDEST = 256;  // channels of a head

struct Tiles {
    uint16_t *at;
    explicit Tiles(size_t count) : at((uint16_t *)std::aligned_alloc(64, count * 2)) {}
    ~Tiles() { std::free(at); }
    Tiles(const Tiles &) = delete;
};

}  // namespace

extern "C" {

// out [patches, heads, dim] = attention over qkv [patches, 3, heads, dim], queries and keys turned
// by cosines and sines [patches, dim / 2]; all but these bfloat16. 0: done; 3: not here.
int moonhand_picture(int variant, const uint16_t *qkv, const float *cosines, const float *sines,
                     int patches, int heads, int dim, float scale, uint16_t *out, int threads) {
    if (variant != AMX || !table_of(AMX) || dim % 2 || dim > WIDEST) return 3;
    const Picture picture = {qkv,   cosines,         sines,           patches, heads,
                             dim,   (dim + 31) / 32, (dim + 15) / 16, scale};
    const int padded = (patches + 31) / 32 * 32;
    Tiles queries((size_t)padded * picture.spans * 32), keys((size_t)padded * picture.spans * 32),
        values((size_t)padded * picture.values * 16);
#pragma omp parallel num_threads(threads)
    for (int head = 0; head < heads; head++) {
#pragma omp for schedule(dynamic)
        for (int n = 0; n < padded; n += PACKED)
            pack_head(picture, head, n, std::min(PACKED, padded - n), queries.at, keys.at,
                      values.at);
#pragma omp for schedule(dynamic)
        for (int n = 0; n < padded; n += PICTURE_QUERIES)
            attend_picture(picture, head, n, queries.at, keys.at, values.at, out);
    }
    return 0;
}
}
