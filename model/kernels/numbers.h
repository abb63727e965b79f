// Numbers of the network's own type, float32 or bfloat16, and the calls of the driver that others
// are made of.
#pragma once
#include <cstring>

#include "kernels.h"

namespace moonhand {

const Table *table_of(int variant);  // null: this processor lacks what it needs

IN_LINE float as_float(uint16_t half) {
    const uint32_t whole = (uint32_t)half << 16;
    float number;
    std::memcpy(&number, &whole, 4);
    return number;
}

IN_LINE uint16_t as_bfloat(float number) {
    uint32_t whole;
    std::memcpy(&whole, &number, 4);
    if ((whole & 0x7fffffff) > 0x7f800000) return 0x7fc0;  // not a number stays none
    return (uint16_t)((whole + 0x7fff + (whole >> 16 & 1)) >> 16);
}

// Numbers of the network's own type: float32, or bfloat16 where `half`.
struct Numbers {
    const void *at;
    bool half;
    IN_LINE void read(size_t from, int count, float *to) const {
        if (!half) {
            std::memcpy(to, (const float *)at + from, count * sizeof(float));
            return;
        }
        const uint16_t *halves = (const uint16_t *)at + from;
        for (int i = 0; i < count; i++) to[i] = as_float(halves[i]);
    }
};

inline void write(const float *from, int count, void *at, size_t to, bool half) {
    if (!half) {
        std::memcpy((float *)at + to, from, count * sizeof(float));
        return;
    }
    uint16_t *halves = (uint16_t *)at + to;
    for (int i = 0; i < count; i++) halves[i] = as_bfloat(from[i]);
}

}  // namespace moonhand

extern "C" {
int moonhand_linear(int variant, int bits, const uint8_t *blocks, const float *rows, int spans,
                    int num_outputs, const void *x, int half, int tokens, int width, void *y,
                    int threads);
int moonhand_experts(int variant, int bits, const uint8_t *gate_up, const float *gate_up_rows,
                     const uint8_t *down, const float *down_rows, int num_experts,
                     int hidden_blocks, int spans, const int64_t *experts, const float *weights,
                     int chosen, const void *x, int half, int tokens, int width, void *y,
                     int threads);
int moonhand_attend(int variant, const void *q, const void *entries, const void *up, int half,
                    int past, int tokens, int heads, int nope, int rope, int value, int rank,
                    float scale, void *y, int threads);
}
