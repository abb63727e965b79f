// What the translation units share: the layout of a matrix on its grid, activations as the
// products see them, and the table of functions that each instruction set fills.
// Layout: see LAYOUT in model/quantized/plan.py.
#pragma once
#include <cstddef>
#include <cstdint>

namespace moonhand {

constexpr int ROWS = 16, GROUP = 32, SPAN = 64;

// Always in line: the linker must not take one unit's instructions for all.
#define IN_LINE inline __attribute__((always_inline))

IN_LINE size_t block_bytes(int bits) { return (size_t)ROWS * SPAN * bits / 8 + 4 * ROWS; }

IN_LINE float nearest(float x) {
    // Ties to even, as torch rounds; magnitudes here are far below 2^22.
    const float magic = 12582912.0f;
    return (x + magic) - magic;
}

// Within 2e-7 of e^x; Cody and Waite's reduction, so that a vector has no table to look into.
IN_LINE float exponential(float x) {
    x = x < -87.0f ? -87.0f : (x > 88.0f ? 88.0f : x);
    const float n = nearest(x * 1.44269504f);
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    union {
        int32_t whole;
        float number;
    } power;
    power.whole = ((int32_t)n + 127) << 23;
    return p * power.number;
}

struct Matrix {
    const uint8_t *blocks;
    const float *rows;  // of each block of rows: 16 steps, 16 lows
    int spans;          // of 64 inputs
    int bits;
    IN_LINE size_t stride() const { return spans * block_bytes(bits); }
};

// Tokens rounded to whole numbers by groups of 32 inputs; K is a multiple of 64.
struct Rounded {
    const int8_t *q;      // [T, K]
    const float *scale;   // [T, K / 32]
    const float *sum;     // [T, K / 32]: scale times the sum of the whole numbers
    const uint16_t *wide; // AMX only: the tokens in bfloat16, by tiles of 16 tokens and 32 inputs
    int inputs;
};

constexpr int ATTEND_CHUNK = 256;  // entries of a cache that are mixed apart

// A few new tokens over a cache of latents; all numbers of one type, bfloat16 where `half`.
struct Attention {
    const void *q;        // [tokens, heads, nope + rope]
    const void *entries;  // [past + tokens, rank + rope]
    const void *up;       // [heads, nope + value, rank]
    bool half;
    int past, heads, nope, rope, value, rank, chunks;
    float scale;
    float *queries;        // room: [tokens, heads, rank + rope]
    float *peaks, *sums;   // room: [tokens, chunks, heads]
    float *mixed;          // room: [tokens, chunks, heads, rank]
};

struct Table {
    // One token's K floats to whole numbers, padded with zeros to `inputs`.
    void (*round)(const float *x, int count, int inputs, int8_t *q, float *scale, float *sum);
    // out[t * stride + 16 * b + r]: `num_blocks` blocks of rows from `matrix`, for the tokens
    // `first` to `first + count` of x.
    void (*multiply)(const Matrix &matrix, int num_blocks, const Rounded &x, int first, int count,
                     float *out, int stride);
    // One block of 16 rows on its grid. weight [16][inputs], counts [inputs], of which `width` are
    // not padding; sums[0] gets the weighed squares of the errors, sums[1] those of the weights.
    void (*fit)(const float *weight, const float *counts, int width, int inputs, int bits,
                uint8_t *block, float *rows, double *sums);
    // silu(gate) * up of 16 values each.
    void (*gate)(const float *gate, const float *up, float *hidden);
    // Of attention: queries to the latents' space; a chunk of the cache for 4 heads; the outcome.
    void (*absorb)(const Attention &a, int t, int head);
    void (*mix)(const Attention &a, int t, int first_head, int chunk);
    void (*gather)(const Attention &a, int t, int head, float *out);
    // The sum of the products with a row of the network's own numbers; count is a multiple of 16.
    float (*dot)(const void *row, bool half, const float *x, int count);
    // AMX: tokens to tiles of bfloat16, and the product with them; null elsewhere.
    void (*tile)(const int8_t *q, const float *scale, int inputs, int count, uint16_t *tiles);
    void (*multiply_wide)(const Matrix &matrix, int num_blocks, const Rounded &x, int first,
                          int count, float *out, int stride, uint16_t *room);
};

// Each is known when it is compiled: a table filled at the start would be so by its unit's own
// instructions, on a processor that may not have them.
extern const Table table_plain, table_avx2, table_avx512;

// What processors with AVX-512 may have besides; the driver puts them into a copy of its table.
void mix_bfloats(const Attention &a, int t, int first_head, int chunk);
void tile_tokens(const int8_t *q, const float *scale, int inputs, int count, uint16_t *tiles);
void multiply_wide(const Matrix &matrix, int num_blocks, const Rounded &x, int first, int count,
                   float *out, int stride, uint16_t *room);

}  // namespace moonhand
