// AVX2: products of a byte and a signed byte by twos into 16 bits, which hold a group at 4 bits.
#include <immintrin.h>

#include "kernels.h"

namespace moonhand {
#include "lanes.inc"
#include "attend.inc"
namespace {

inline __m256 bytes_as_floats(const uint8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}

inline __m256i four(const int8_t *q) { return _mm256_set1_epi32(*(const int32_t *)q); }

// T tokens and the 8 rows from `half` * 8 of each of B blocks.
template <int T, int B, int BITS>
void tile(const Matrix &matrix, const Rounded &x, int first, float *out, int stride, int half) {
    constexpr size_t bytes = ROWS * SPAN * BITS / 8 + 4 * ROWS;
    const size_t step = matrix.stride();
    const int groups = x.inputs / GROUP;
    const __m256i low_half = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
    __m256 steps[T][B], lows[T][B];
    for (int t = 0; t < T; t++)
        for (int b = 0; b < B; b++) steps[t][b] = lows[t][b] = _mm256_setzero_ps();
    const int8_t *q = x.q + (size_t)first * x.inputs;
    const float *scale = x.scale + (size_t)first * groups, *sum = x.sum + (size_t)first * groups;
    for (int g = 0; g < groups; g++) {
        const uint8_t *span = matrix.blocks + g / 2 * bytes + half * 32;
        __m256i total[T][B];
        for (int t = 0; t < T; t++)
            for (int b = 0; b < B; b++) total[t][b] = _mm256_setzero_si256();
        if (BITS == 4) {
            // 8 times two products of at most 15 * 127: 30,480 in 16 bits.
            for (int j = 0; j < 4; j++)
                for (int b = 0; b < B; b++) {
                    const uint8_t *p = span + b * step + (g % 2 * 4 + j) * 64;
                    if (T == 1) _mm_prefetch((const char *)p + 512, _MM_HINT_T0);
                    const __m256i v = _mm256_loadu_si256((const __m256i *)p);
                    const __m256i v0 = _mm256_and_si256(v, low_half);
                    const __m256i v1 = _mm256_and_si256(_mm256_srli_epi16(v, 4), low_half);
                    for (int t = 0; t < T; t++) {
                        const int8_t *at = q + (size_t)t * x.inputs + g * GROUP + 8 * j;
                        total[t][b] =
                            _mm256_add_epi16(total[t][b], _mm256_maddubs_epi16(v0, four(at)));
                        total[t][b] =
                            _mm256_add_epi16(total[t][b], _mm256_maddubs_epi16(v1, four(at + 4)));
                    }
                }
            for (int t = 0; t < T; t++)
                for (int b = 0; b < B; b++) total[t][b] = _mm256_madd_epi16(total[t][b], ones);
        } else {
            // Two products of 255 * 127 do not fit 16 bits: halves of the codes do.
            for (int j = 0; j < 8; j++)
                for (int b = 0; b < B; b++) {
                    const uint8_t *p = span + b * step + (g % 2 * 8 + j) * 64;
                    const __m256i v = _mm256_loadu_si256((const __m256i *)p);
                    const __m256i v0 = _mm256_and_si256(v, low_half);
                    const __m256i v1 = _mm256_and_si256(_mm256_srli_epi16(v, 4), low_half);
                    for (int t = 0; t < T; t++) {
                        const __m256i at = four(q + (size_t)t * x.inputs + g * GROUP + 4 * j);
                        const __m256i high =
                            _mm256_madd_epi16(_mm256_maddubs_epi16(v1, at), ones);
                        const __m256i low = _mm256_madd_epi16(_mm256_maddubs_epi16(v0, at), ones);
                        total[t][b] = _mm256_add_epi32(
                            total[t][b], _mm256_add_epi32(_mm256_slli_epi32(high, 4), low));
                    }
                }
        }
        for (int b = 0; b < B; b++) {
            const uint8_t *fine = matrix.blocks + g / 2 * bytes + b * step + bytes - 4 * ROWS +
                                  g % 2 * ROWS + half * 8;
            const __m256 s = bytes_as_floats(fine), m = bytes_as_floats(fine + 2 * ROWS);
            for (int t = 0; t < T; t++) {
                const __m256 unit = _mm256_mul_ps(s, _mm256_set1_ps(scale[t * groups + g]));
                steps[t][b] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(total[t][b]), unit, steps[t][b]);
                lows[t][b] =
                    _mm256_fmadd_ps(m, _mm256_set1_ps(sum[t * groups + g]), lows[t][b]);
            }
        }
    }
    for (int b = 0; b < B; b++) {
        const float *rows = matrix.rows + b * 2 * ROWS + half * 8;
        const __m256 step_of = _mm256_loadu_ps(rows), low_of = _mm256_loadu_ps(rows + ROWS);
        for (int t = 0; t < T; t++)
            _mm256_storeu_ps(
                out + (size_t)t * stride + b * ROWS + half * 8,
                _mm256_fmsub_ps(step_of, steps[t][b], _mm256_mul_ps(low_of, lows[t][b])));
    }
}

template <int T, int B, int BITS>
void walk(const Matrix &matrix, int num_blocks, const Rounded &x, int first, float *out,
          int stride) {
    Matrix at = matrix;
    for (int b = 0; b < num_blocks;) {
        at.blocks = matrix.blocks + b * matrix.stride();
        at.rows = matrix.rows + b * 2 * ROWS;
        const bool whole = b + B <= num_blocks;
        for (int half = 0; half < 2; half++)
            if (whole)
                tile<T, B, BITS>(at, x, first, out + b * ROWS, stride, half);
            else
                tile<T, 1, BITS>(at, x, first, out + b * ROWS, stride, half);
        b += whole ? B : 1;
    }
}

template <int BITS>
void multiply_in(const Matrix &matrix, int num_blocks, const Rounded &x, int first, int count,
                 float *out, int stride) {
    int t = 0;
    for (; t + 4 <= count; t += 4)
        walk<4, 1, BITS>(matrix, num_blocks, x, first + t, out + (size_t)t * stride, stride);
    for (; t < count; t++)
        walk<1, 4, BITS>(matrix, num_blocks, x, first + t, out + (size_t)t * stride, stride);
}

void multiply(const Matrix &matrix, int num_blocks, const Rounded &x, int first, int count,
              float *out, int stride) {
    if (matrix.bits == 4)
        multiply_in<4>(matrix, num_blocks, x, first, count, out, stride);
    else
        multiply_in<8>(matrix, num_blocks, x, first, count, out, stride);
}

}  // namespace

const Table table_avx2 = {round_by_one, multiply, fit, gate_lanes, absorb, mix, gather, dot, nullptr, nullptr};

}  // namespace moonhand
