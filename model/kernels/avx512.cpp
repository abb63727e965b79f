// AVX-512 with VNNI: four products of a byte and a signed byte to a lane in one instruction.
// A lane is a row; several blocks of rows are walked at once, since one stream a thread reads
// memory at two thirds of the rate of eight.
#include <immintrin.h>

#include "kernels.h"

namespace moonhand {
#include "lanes.inc"
#include "attend.inc"
namespace {

inline __m512 bytes_as_floats(const uint8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)));
}

inline __m512i four(const int8_t *q) { return _mm512_set1_epi32(*(const int32_t *)q); }

// T tokens and B blocks of rows at once.
template <int T, int B, int BITS>
void tile(const Matrix &matrix, const Rounded &x, int first, float *out, int stride) {
    constexpr size_t bytes = ROWS * SPAN * BITS / 8 + 4 * ROWS;
    const size_t step = matrix.stride();
    const int groups = x.inputs / GROUP;
    const __m512i low_half = _mm512_set1_epi8(15);
    __m512 steps[T][B], lows[T][B];
    for (int t = 0; t < T; t++)
        for (int b = 0; b < B; b++) steps[t][b] = lows[t][b] = _mm512_setzero_ps();
    const int8_t *q = x.q + (size_t)first * x.inputs;
    const float *scale = x.scale + (size_t)first * groups, *sum = x.sum + (size_t)first * groups;
    for (int g = 0; g < groups; g++) {
        const uint8_t *span = matrix.blocks + g / 2 * bytes;
        __m512i total[T][B];
        for (int t = 0; t < T; t++)
            for (int b = 0; b < B; b++) total[t][b] = _mm512_setzero_si512();
        if (BITS == 4) {
#pragma GCC unroll 4
            for (int j = 0; j < 4; j++)
                for (int b = 0; b < B; b++) {
                    const uint8_t *p = span + b * step + (g % 2 * 4 + j) * 64;
                    if (T == 1) _mm_prefetch(p + 512, _MM_HINT_T0);
                    const __m512i v = _mm512_loadu_si512(p);
                    const __m512i v0 = _mm512_and_si512(v, low_half);
                    const __m512i v1 = _mm512_and_si512(_mm512_srli_epi16(v, 4), low_half);
                    for (int t = 0; t < T; t++) {
                        const int8_t *at = q + (size_t)t * x.inputs + g * GROUP + 8 * j;
                        total[t][b] = _mm512_dpbusd_epi32(total[t][b], v0, four(at));
                        total[t][b] = _mm512_dpbusd_epi32(total[t][b], v1, four(at + 4));
                    }
                }
        } else {
#pragma GCC unroll 8
            for (int j = 0; j < 8; j++)
                for (int b = 0; b < B; b++) {
                    const uint8_t *p = span + b * step + (g % 2 * 8 + j) * 64;
                    if (T == 1) _mm_prefetch(p + 1024, _MM_HINT_T0);
                    const __m512i v = _mm512_loadu_si512(p);
                    for (int t = 0; t < T; t++)
                        total[t][b] = _mm512_dpbusd_epi32(
                            total[t][b], v, four(q + (size_t)t * x.inputs + g * GROUP + 4 * j));
                }
        }
        for (int b = 0; b < B; b++) {
            const uint8_t *fine = span + b * step + bytes - 4 * ROWS + g % 2 * ROWS;
            const __m512 s = bytes_as_floats(fine), m = bytes_as_floats(fine + 2 * ROWS);
            for (int t = 0; t < T; t++) {
                const __m512 unit = _mm512_mul_ps(s, _mm512_set1_ps(scale[t * groups + g]));
                steps[t][b] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(total[t][b]), unit, steps[t][b]);
                lows[t][b] =
                    _mm512_fmadd_ps(m, _mm512_set1_ps(sum[t * groups + g]), lows[t][b]);
            }
        }
    }
    for (int b = 0; b < B; b++) {
        const __m512 step_of = _mm512_loadu_ps(matrix.rows + b * 2 * ROWS);
        const __m512 low_of = _mm512_loadu_ps(matrix.rows + b * 2 * ROWS + ROWS);
        for (int t = 0; t < T; t++)
            _mm512_storeu_ps(out + (size_t)t * stride + b * ROWS,
                             _mm512_fmsub_ps(step_of, steps[t][b],
                                             _mm512_mul_ps(low_of, lows[t][b])));
    }
}

template <int T, int B, int BITS>
void walk(const Matrix &matrix, int num_blocks, const Rounded &x, int first, float *out,
          int stride) {
    Matrix at = matrix;
    int b = 0;
    for (; b + B <= num_blocks; b += B) {
        at.blocks = matrix.blocks + b * matrix.stride();
        at.rows = matrix.rows + b * 2 * ROWS;
        tile<T, B, BITS>(at, x, first, out + b * ROWS, stride);
    }
    for (; b < num_blocks; b++) {
        at.blocks = matrix.blocks + b * matrix.stride();
        at.rows = matrix.rows + b * 2 * ROWS;
        tile<T, 1, BITS>(at, x, first, out + b * ROWS, stride);
    }
}

template <int BITS>
void multiply_in(const Matrix &matrix, int num_blocks, const Rounded &x, int first, int count,
                 float *out, int stride) {
    int t = 0;
    // Registers hold two sums and a running total of each token and block: 8 at most.
    for (; t + 8 <= count; t += 8)
        walk<8, 1, BITS>(matrix, num_blocks, x, first + t, out + (size_t)t * stride, stride);
    for (; t + 4 <= count; t += 4)
        walk<4, 2, BITS>(matrix, num_blocks, x, first + t, out + (size_t)t * stride, stride);
    for (; t + 2 <= count; t += 2)
        walk<2, 4, BITS>(matrix, num_blocks, x, first + t, out + (size_t)t * stride, stride);
    for (; t < count; t++)
        walk<1, 8, BITS>(matrix, num_blocks, x, first + t, out + (size_t)t * stride, stride);
}

void multiply(const Matrix &matrix, int num_blocks, const Rounded &x, int first, int count,
              float *out, int stride) {
    if (matrix.bits == 4)
        multiply_in<4>(matrix, num_blocks, x, first, count, out, stride);
    else
        multiply_in<8>(matrix, num_blocks, x, first, count, out, stride);
}

void round_512(const float *x, int count, int inputs, int8_t *q, float *scale, float *sum) {
    for (int g = 0; g < inputs / GROUP; g++) {
        const int left = count - g * GROUP;
        if (left < GROUP) {
            round_by_one(x + g * GROUP, left > 0 ? left : 0, GROUP, q + g * GROUP, scale + g,
                         sum + g);
            continue;
        }
        const __m512 a = _mm512_loadu_ps(x + g * GROUP), b = _mm512_loadu_ps(x + g * GROUP + 16);
        const float most =
            _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b)));
        const __m512 inverse = _mm512_set1_ps(most > 0 ? 127.0f / most : 0);
        const __m512i qa = _mm512_cvtps_epi32(_mm512_mul_ps(a, inverse));
        const __m512i qb = _mm512_cvtps_epi32(_mm512_mul_ps(b, inverse));
        _mm_storeu_si128((__m128i *)(q + g * GROUP), _mm512_cvtsepi32_epi8(qa));
        _mm_storeu_si128((__m128i *)(q + g * GROUP + 16), _mm512_cvtsepi32_epi8(qb));
        scale[g] = most / 127.0f;
        sum[g] = scale[g] * _mm512_reduce_add_epi32(_mm512_add_epi32(qa, qb));
    }
}

}  // namespace

const Table table_avx512 = {round_512, multiply, fit, gate_lanes, absorb, mix, gather, dot, nullptr, nullptr};

}  // namespace moonhand
