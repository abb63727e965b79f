// AMX: attention inside a picture, every patch to every patch. Queries and keys are turned by their
// rows and columns as they are packed into tiles; then 32 queries walk over the keys in pieces, with
// a running largest score, so that no row of scores is ever whole. torch's own needs twice as long.
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "numbers.h"
#include "picture.h"

namespace moonhand {
namespace {

constexpr int TILE = 512;       // numbers of bfloat16: 16 rows of 32
constexpr int QUERIES = 32;     // two tiles
constexpr int PIECE = 512;      // keys between two looks at the largest score
constexpr float LOG2_E = 1.44269504f;

struct alignas(64) Config {
    uint8_t palette = 1, start = 0, reserved[14] = {};
    uint16_t bytes[16] = {};
    uint8_t rows[16] = {};
};

// One patch's channels of one head: turned, and zeros up to whole tiles.
void turned(const Picture &p, const uint16_t *from, int patch, uint16_t *to) {
    const float *cosines = p.cosines + (size_t)patch * p.dim / 2;
    const float *sines = p.sines + (size_t)patch * p.dim / 2;
    for (int i = 0; i < p.dim / 2; i++) {
        const float even = as_float(from[2 * i]), odd = as_float(from[2 * i + 1]);
        to[2 * i] = as_bfloat(even * cosines[i] - odd * sines[i]);
        to[2 * i + 1] = as_bfloat(even * sines[i] + odd * cosines[i]);
    }
    std::memset(to + p.dim, 0, (p.spans * 32 - p.dim) * sizeof(uint16_t));
}

// 2^x, x at most 0; within 1e-5, far below a weight's bfloat16.
IN_LINE __m512 power(__m512 x) {
    const __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m512 f = _mm512_sub_ps(x, n);
    __m512 y = _mm512_set1_ps(9.6181291e-3f);
    y = _mm512_fmadd_ps(y, f, _mm512_set1_ps(5.5504109e-2f));
    y = _mm512_fmadd_ps(y, f, _mm512_set1_ps(2.4022651e-1f));
    y = _mm512_fmadd_ps(y, f, _mm512_set1_ps(6.9314718e-1f));
    y = _mm512_fmadd_ps(y, f, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(y, n);
}

// What was stored is in memory: gcc does not know that tiles are loaded from there.
IN_LINE void settled() { asm volatile("" : : : "memory"); }

// scores [32][PIECE] of `count` keys (a multiple of 32) from the tiles at `keys`.
void score(const Picture &p, const uint16_t *queries, const uint16_t *keys, int count,
           float *scores) {
    settled();
    for (int k = 0; k < count; k += 32) {
        const uint16_t *left = keys + (size_t)(k / 16) * p.spans * TILE;
        const uint16_t *right = left + (size_t)p.spans * TILE;
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        for (int s = 0; s < p.spans; s++) {
            _tile_loadd(4, queries + 32 * s, p.spans * 64);
            _tile_loadd(5, queries + 32 * s + (size_t)16 * p.spans * 32, p.spans * 64);
            _tile_loadd(6, left + s * TILE, 64);
            _tile_loadd(7, right + s * TILE, 64);
            _tile_dpbf16ps(0, 4, 6);
            _tile_dpbf16ps(1, 4, 7);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
        _tile_stored(0, scores + k, PIECE * 4);
        _tile_stored(1, scores + k + 16, PIECE * 4);
        _tile_stored(2, scores + k + 16 * PIECE, PIECE * 4);
        _tile_stored(3, scores + k + 16 * PIECE + 16, PIECE * 4);
    }
}

// One row's scores to weights of the largest so far; what was mixed before is scaled to it.
void weigh(const Picture &p, float *scores, int seen, int count, float &peak, float &sum,
           float *mixed, uint16_t *weights) {
    const __m512 unit = _mm512_set1_ps(p.scale * LOG2_E);
    for (int k = seen; k < count; k++) scores[k] = -3e38f;  // keys that are padding
    __m512 most = _mm512_set1_ps(-3e38f);
    for (int k = 0; k < count; k += 16) most = _mm512_max_ps(most, _mm512_loadu_ps(scores + k));
    const float highest = std::max(peak, _mm512_reduce_max_ps(most) * p.scale * LOG2_E);
    if (highest > peak) {
        const __m512 less = power(_mm512_set1_ps(std::max(peak - highest, -126.0f)));
        for (int v = 0; v < p.values * 16; v += 16)
            _mm512_storeu_ps(mixed + v, _mm512_mul_ps(_mm512_loadu_ps(mixed + v), less));
        sum *= _mm512_cvtss_f32(less);
        peak = highest;
    }
    const __m512 top = _mm512_set1_ps(peak), floor = _mm512_set1_ps(-126.0f);
    __m512 total = _mm512_setzero_ps();
    for (int k = 0; k < count; k += 32) {
        __m512 y[2];
        for (int i = 0; i < 2; i++) {
            const __m512 x = _mm512_fmsub_ps(_mm512_loadu_ps(scores + k + 16 * i), unit, top);
            y[i] = power(_mm512_max_ps(x, floor));
            total = _mm512_add_ps(total, y[i]);
        }
        _mm512_storeu_si512(weights + k, (__m512i)_mm512_cvtne2ps_pbh(y[1], y[0]));
    }
    sum += _mm512_reduce_add_ps(total);
}

// mixed [32][values * 16] += weights [32][PIECE] times the values of `count` keys.
void mix_values(const Picture &p, const uint16_t *weights, const uint16_t *values, int count,
                float *mixed) {
    const int stride = p.values * 16;
    settled();
    for (int v = 0; v < p.values; v += 2) {
        const bool both = v + 1 < p.values;
        const int next = both ? v + 1 : v;
        float *low = mixed + 16 * v, *under = low + 16 * stride;
        _tile_loadd(0, low, stride * 4);
        _tile_loadd(2, under, stride * 4);
        if (both) {
            _tile_loadd(1, low + 16, stride * 4);
            _tile_loadd(3, under + 16, stride * 4);
        }
        for (int k = 0; k < count; k += 32) {
            const uint16_t *tiles = values + (size_t)(k / 32) * p.values * TILE;
            _tile_loadd(4, weights + k, PIECE * 2);
            _tile_loadd(5, weights + k + 16 * PIECE, PIECE * 2);
            _tile_loadd(6, tiles + v * TILE, 64);
            _tile_dpbf16ps(0, 4, 6);
            _tile_dpbf16ps(2, 5, 6);
            if (!both) continue;
            _tile_loadd(7, tiles + next * TILE, 64);
            _tile_dpbf16ps(1, 4, 7);
            _tile_dpbf16ps(3, 5, 7);
        }
        _tile_stored(0, low, stride * 4);
        _tile_stored(2, under, stride * 4);
        if (both) {
            _tile_stored(1, low + 16, stride * 4);
            _tile_stored(3, under + 16, stride * 4);
        }
    }
}

}  // namespace

void pack_head(const Picture &p, int head, int first, int count, uint16_t *queries, uint16_t *keys,
               uint16_t *values) {
    const int width = p.spans * 32;
    alignas(64) uint16_t row[1024];
    for (int n = first; n < first + count; n++) {
        const bool there = n < p.patches;
        const uint16_t *from = p.qkv + ((size_t)n * 3 * p.heads + head) * p.dim;
        const size_t part = (size_t)p.heads * p.dim;
        if (there) turned(p, from, n, queries + (size_t)n * width);
        else std::memset(queries + (size_t)n * width, 0, width * 2);
        if (there) turned(p, from + part, n, row);
        else std::memset(row, 0, width * 2);
        // Pairs of channels go down a tile's rows, keys along them.
        uint16_t *tiles = keys + (size_t)(n / 16) * p.spans * TILE;
        for (int i = 0; i < width / 2; i++)
            std::memcpy(tiles + i / 16 * TILE + i % 16 * 32 + n % 16 * 2, row + 2 * i, 4);
        // Pairs of keys go down, channels along.
        tiles = values + (size_t)(n / 32) * p.values * TILE;
        for (int c = 0; c < p.values * 16; c++)
            tiles[c / 16 * TILE + n % 32 / 2 * 32 + c % 16 * 2 + n % 2] =
                there && c < p.dim ? from[2 * part + c] : 0;
    }
}

void attend_picture(const Picture &p, int head, int first, const uint16_t *queries,
                    const uint16_t *keys, const uint16_t *values, uint16_t *out) {
    Config config;
    for (int i = 0; i < 8; i++) config.bytes[i] = 64, config.rows[i] = 16;
    asm volatile("" : : "r"(&config) : "memory");  // see amx.cpp
    _tile_loadconfig(&config);
    alignas(64) static thread_local float scores[QUERIES * PIECE];
    alignas(64) static thread_local uint16_t weights[QUERIES * PIECE];
    const int padded = (p.patches + 31) / 32 * 32, stride = p.values * 16;
    const int rows = std::min(PICTURE_QUERIES, padded - first);
    std::vector<float> mixed((size_t)rows * stride), peaks(rows, -3e38f), sums(rows);
    // A piece of the keys stays in the second cache for all the queries.
    for (int from = 0; from < padded; from += PIECE) {
        const int count = std::min(PIECE, padded - from);
        for (int at = 0; at < rows; at += QUERIES) {
            score(p, queries + (size_t)(first + at) * p.spans * 32,
                  keys + (size_t)(from / 16) * p.spans * TILE, count, scores);
            for (int r = 0; r < QUERIES; r++)
                weigh(p, scores + r * PIECE, std::min(count, p.patches - from), count,
                      peaks[at + r], sums[at + r], &mixed[(size_t)(at + r) * stride],
                      weights + r * PIECE);
            mix_values(p, weights, values + (size_t)(from / 32) * p.values * TILE, count,
                       &mixed[(size_t)at * stride]);
        }
    }
    _tile_release();
    for (int r = 0; r < rows && first + r < p.patches; r++)
        for (int c = 0; c < p.dim; c++)
            out[((size_t)(first + r) * p.heads + head) * p.dim + c] =
                as_bfloat(mixed[(size_t)r * stride + c] / sums[r]);
}

}  // namespace moonhand
