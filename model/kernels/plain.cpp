// For any processor: the same sums, one number at a time.
#include "kernels.h"

namespace moonhand {
#include "lanes.inc"
#include "attend.inc"
namespace {

void multiply(const Matrix &matrix, int num_blocks, const Rounded &x, int first, int count,
              float *out, int stride) {
    const int bits = matrix.bits, groups = x.inputs / GROUP;
    const size_t bytes = block_bytes(bits);
    for (int b = 0; b < num_blocks; b++) {
        const uint8_t *block = matrix.blocks + b * matrix.stride();
        const float *rows = matrix.rows + b * 2 * ROWS;
        for (int t = 0; t < count; t++) {
            const int8_t *q = x.q + (size_t)(first + t) * x.inputs;
            const float *scale = x.scale + (size_t)(first + t) * groups;
            const float *sum = x.sum + (size_t)(first + t) * groups;
            for (int r = 0; r < ROWS; r++) {
                float steps = 0, lows = 0;
                for (int g = 0; g < groups; g++) {
                    const uint8_t *span = block + g / 2 * bytes;
                    const uint8_t *fine = span + bytes - 4 * ROWS + g % 2 * ROWS;
                    int total = 0;
                    for (int k = 0; k < GROUP; k++) {
                        int place = g % 2 * GROUP + k, code;
                        if (bits == 8)
                            code = span[place / 4 * 64 + 4 * r + place % 4];
                        else
                            code = span[place / 8 * 64 + 4 * r + place % 4] >>
                                       (place % 8 >= 4 ? 4 : 0) & 15;
                        total += code * q[g * GROUP + k];
                    }
                    steps += fine[r] * scale[g] * (float)total;
                    lows += fine[2 * ROWS + r] * sum[g];
                }
                out[(size_t)t * stride + b * ROWS + r] = rows[r] * steps - rows[ROWS + r] * lows;
            }
        }
    }
}

}  // namespace

const Table table_plain = {round_by_one, multiply, fit, gate_lanes, absorb, mix, gather, dot, nullptr, nullptr};

}  // namespace moonhand
