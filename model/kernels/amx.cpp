// AMX: where many tokens share a matrix, its blocks become tiles of bfloat16 in the second cache,
// and a tile instruction has 16 rows of 16 tokens and 32 inputs. Few tokens go the way of AVX-512.
#include <immintrin.h>

#include "kernels.h"

namespace moonhand {
namespace {

constexpr int TOKENS = 16;
constexpr size_t TILE = 512;  // numbers: 16 rows of 32

struct alignas(64) Config {
    uint8_t palette = 1, start = 0, reserved[14] = {};
    uint16_t bytes[16] = {};
    uint8_t rows[16] = {};
};

}  // namespace

// The tokens of a tile, 32 inputs each, in the order of the file: pairs of inputs that follow each
// other in a lane of codes.
void tile_tokens(const int8_t *q, const float *scale, int inputs, int count, uint16_t *tiles) {
    const int groups = inputs / GROUP, num_tiles = (count + TOKENS - 1) / TOKENS;
    for (int i = 0; i < num_tiles; i++)
        for (int g = 0; g < groups; g++)
            for (int r = 0; r < TOKENS; r++) {
                uint16_t *at = tiles + ((size_t)i * groups + g) * TILE + r * GROUP;
                const int t = i * TOKENS + r;
                if (t >= count) {
                    _mm512_storeu_si512(at, _mm512_setzero_si512());
                    continue;
                }
                const __m512 unit = _mm512_set1_ps(scale[(size_t)t * groups + g]);
                const int8_t *from = q + (size_t)t * inputs + g * GROUP;
                const __m512 a = _mm512_mul_ps(
                    _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)from))),
                    unit);
                const __m512 b = _mm512_mul_ps(
                    _mm512_cvtepi32_ps(
                        _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(from + 16)))),
                    unit);
                _mm512_storeu_si512(at, (__m512i)_mm512_cvtne2ps_pbh(b, a));
            }
}

namespace {

// A pair of inputs of 16 rows: the lower half of each lane has the first.
inline __m512i pair(__m512i first, __m512i second, __m512 unit, __m512 low) {
    const __m512 a = _mm512_fmsub_ps(_mm512_cvtepi32_ps(first), unit, low);
    const __m512 b = _mm512_fmsub_ps(_mm512_cvtepi32_ps(second), unit, low);
    const __m512i even = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(a));
    const __m512i odd = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(b));
    return _mm512_or_si512(even, _mm512_slli_epi32(odd, 16));
}

inline __m512 bytes_as_floats(const uint8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)));
}

// A block of rows as tiles: row i of a tile has the inputs 2i and 2i + 1 of the 16 rows.
void tile_weights(const Matrix &matrix, const uint8_t *block, const float *rows, uint16_t *tiles) {
    const size_t bytes = block_bytes(matrix.bits);
    const __m512i byte = _mm512_set1_epi32(255), half = _mm512_set1_epi32(15);
    const __m512 step_of = _mm512_loadu_ps(rows), low_of = _mm512_loadu_ps(rows + ROWS);
    for (int g = 0; g < matrix.spans * 2; g++) {
        const uint8_t *span = block + g / 2 * bytes;
        const uint8_t *fine = span + bytes - 4 * ROWS + g % 2 * ROWS;
        const __m512 unit = _mm512_mul_ps(step_of, bytes_as_floats(fine));
        const __m512 low = _mm512_mul_ps(low_of, bytes_as_floats(fine + 2 * ROWS));
        uint16_t *at = tiles + g * TILE;
        if (matrix.bits == 4)
            for (int j = 0; j < 4; j++, at += 4 * GROUP) {
                const __m512i v = _mm512_loadu_si512(span + (g % 2 * 4 + j) * 64);
                __m512i code[8];
                for (int k = 0; k < 4; k++) {
                    code[k] = _mm512_and_si512(_mm512_srli_epi32(v, 8 * k), half);
                    code[4 + k] = _mm512_and_si512(_mm512_srli_epi32(v, 8 * k + 4), half);
                }
                for (int k = 0; k < 4; k++)
                    _mm512_storeu_si512(at + k * GROUP,
                                        pair(code[2 * k], code[2 * k + 1], unit, low));
            }
        else
            for (int j = 0; j < 8; j++, at += 2 * GROUP) {
                const __m512i v = _mm512_loadu_si512(span + (g % 2 * 8 + j) * 64);
                __m512i code[4];
                for (int k = 0; k < 4; k++)
                    code[k] = _mm512_and_si512(_mm512_srli_epi32(v, 8 * k), byte);
                _mm512_storeu_si512(at, pair(code[0], code[1], unit, low));
                _mm512_storeu_si512(at + GROUP, pair(code[2], code[3], unit, low));
            }
    }
}

}  // namespace

// `first` is a multiple of 16. room: two blocks of rows as tiles, 2 * 16 * inputs numbers.
void multiply_wide(const Matrix &matrix, int num_blocks, const Rounded &x, int first, int count,
                   float *out, int stride, uint16_t *room) {
    Config config;
    for (int i = 0; i < 8; i++) config.bytes[i] = 64, config.rows[i] = 16;
    // gcc 12 else drops the stores that fill it: https://github.com/ggml-org/llama.cpp/issues/20824
    asm volatile("" : : "r"(&config) : "memory");
    _tile_loadconfig(&config);
    const int groups = x.inputs / GROUP, num_tiles = (count + TOKENS - 1) / TOKENS;
    uint16_t *other = room + (size_t)groups * TILE;
    alignas(64) float results[4][TOKENS * ROWS];
    for (int b = 0; b < num_blocks; b += 2) {
        const bool both = b + 1 < num_blocks;
        tile_weights(matrix, matrix.blocks + b * matrix.stride(), matrix.rows + b * 2 * ROWS, room);
        if (both)
            tile_weights(matrix, matrix.blocks + (b + 1) * matrix.stride(),
                         matrix.rows + (b + 1) * 2 * ROWS, other);
        // gcc does not know that tiles are loaded from what was stored.
        asm volatile("" : : : "memory");
        for (int i = 0; i < num_tiles; i += 2) {
            const bool pairs = i + 1 < num_tiles;
            const uint16_t *upper = x.wide + ((size_t)(first / TOKENS + i) * groups) * TILE;
            const uint16_t *lower = pairs ? upper + (size_t)groups * TILE : upper;
            const uint16_t *right = both ? other : room;
            _tile_zero(0);
            _tile_zero(1);
            _tile_zero(2);
            _tile_zero(3);
            for (int g = 0; g < groups; g++) {
                _tile_loadd(4, upper + g * TILE, 64);
                _tile_loadd(6, room + g * TILE, 64);
                _tile_dpbf16ps(0, 4, 6);
                _tile_loadd(7, right + g * TILE, 64);
                _tile_dpbf16ps(1, 4, 7);
                _tile_loadd(5, lower + g * TILE, 64);
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(3, 5, 7);
            }
            _tile_stored(0, results[0], 64);
            _tile_stored(1, results[1], 64);
            _tile_stored(2, results[2], 64);
            _tile_stored(3, results[3], 64);
            for (int lane = 0; lane < TOKENS; lane++)
                for (int part = 0; part < 4; part++) {
                    const int t = (i + part / 2) * TOKENS + lane;
                    if (t < count && (part / 2 == 0 || pairs) && (part % 2 == 0 || both))
                        _mm512_storeu_ps(out + (size_t)t * stride + (b + part % 2) * ROWS,
                                         _mm512_load_ps(results[part] + lane * ROWS));
                }
        }
    }
    _tile_release();
}

}  // namespace moonhand
