// The middle of attention over latents where a processor multiplies pairs of bfloat16 (AVX-512
// BF16): twice the products of an instruction. Queries and the softmax's weights are rounded to
// bfloat16 for it, as torch's own attention in that type does; sums stay float32.
#include <immintrin.h>

#include "kernels.h"

namespace moonhand {
namespace {

constexpr int HEADS = 4;      // at once
constexpr int NEAR = 16;      // rows of the cache that stay in the first cache
constexpr int WIDEST = 1024;  // numbers of a row

IN_LINE __m512bh halves(const uint16_t *p) { return (__m512bh)_mm512_loadu_si512(p); }

// Lane i of the outcome is the sum of v[i].
IN_LINE __m512 totals(const __m512 *v) {
    __m512 quarter[4], half[2];
    for (int i = 0; i < 4; i++) {
        const __m512 *p = v + 4 * i;
        const __m512 a =
            _mm512_add_ps(_mm512_unpacklo_ps(p[0], p[1]), _mm512_unpackhi_ps(p[0], p[1]));
        const __m512 b =
            _mm512_add_ps(_mm512_unpacklo_ps(p[2], p[3]), _mm512_unpackhi_ps(p[2], p[3]));
        quarter[i] = _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xee));
    }
    for (int i = 0; i < 2; i++)
        half[i] = _mm512_add_ps(_mm512_shuffle_f32x4(quarter[2 * i], quarter[2 * i + 1], 0x88),
                                _mm512_shuffle_f32x4(quarter[2 * i], quarter[2 * i + 1], 0xdd));
    return _mm512_add_ps(_mm512_shuffle_f32x4(half[0], half[1], 0x88),
                         _mm512_shuffle_f32x4(half[0], half[1], 0xdd));
}

// scores[h][k]: of four rows of the cache at once, the last again where there are fewer.
void score(const uint16_t *rows, int count, int width, const uint16_t *q,
           float (*scores)[ATTEND_CHUNK]) {
    for (int k = 0; k < count; k += 4) {
        const uint16_t *row[4];
        for (int i = 0; i < 4; i++)
            row[i] = rows + (size_t)(k + i < count ? k + i : count - 1) * width;
        __m512 sums[HEADS * 4];
        for (auto &sum : sums) sum = _mm512_setzero_ps();
        for (int n = 0; n < width; n += 32) {
            const __m512bh entry[4] = {halves(row[0] + n), halves(row[1] + n), halves(row[2] + n),
                                       halves(row[3] + n)};
            for (int h = 0; h < HEADS; h++) {
                const __m512bh query = halves(q + h * width + n);
                for (int i = 0; i < 4; i++)
                    sums[4 * h + i] = _mm512_dpbf16_ps(sums[4 * h + i], entry[i], query);
            }
        }
        const __m512 all = totals(sums);
        _mm_storeu_ps(scores[0] + k, _mm512_extractf32x4_ps(all, 0));
        _mm_storeu_ps(scores[1] + k, _mm512_extractf32x4_ps(all, 1));
        _mm_storeu_ps(scores[2] + k, _mm512_extractf32x4_ps(all, 2));
        _mm_storeu_ps(scores[3] + k, _mm512_extractf32x4_ps(all, 3));
    }
}

// mixed[h][r] += the rows' sum by the pairs of weights; in the order that `unpack` leaves.
void add_rows(const uint16_t *rows, int count, int width, int rank,
              const uint32_t (*pairs)[ATTEND_CHUNK / 2], float *mixed) {
    for (int r = 0; r < rank; r += 64) {
        __m512 sum[HEADS][4];
        for (int h = 0; h < HEADS; h++)
            for (int i = 0; i < 4; i++) sum[h][i] = _mm512_loadu_ps(mixed + h * rank + r + 16 * i);
        for (int k = 0; k < count; k += 2) {
            const uint16_t *row = rows + (size_t)k * width + r;
            const uint16_t *next = k + 1 < count ? row + width : row;
            const __m512i a = _mm512_loadu_si512(row), b = _mm512_loadu_si512(next);
            const __m512i c = _mm512_loadu_si512(row + 32), d = _mm512_loadu_si512(next + 32);
            const __m512bh both[4] = {
                (__m512bh)_mm512_unpacklo_epi16(a, b), (__m512bh)_mm512_unpackhi_epi16(a, b),
                (__m512bh)_mm512_unpacklo_epi16(c, d), (__m512bh)_mm512_unpackhi_epi16(c, d)};
            for (int h = 0; h < HEADS; h++) {
                const __m512bh weight = (__m512bh)_mm512_set1_epi32((int)pairs[h][k / 2]);
                for (int i = 0; i < 4; i++)
                    sum[h][i] = _mm512_dpbf16_ps(sum[h][i], both[i], weight);
            }
        }
        for (int h = 0; h < HEADS; h++)
            for (int i = 0; i < 4; i++) _mm512_storeu_ps(mixed + h * rank + r + 16 * i, sum[h][i]);
    }
}

// 32 numbers from the order that `unpack` leaves to their own.
IN_LINE void in_order(float *p) {
    const __m512 low = _mm512_loadu_ps(p), high = _mm512_loadu_ps(p + 16);
    const __m512 first = _mm512_shuffle_f32x4(low, high, 0x44);
    const __m512 second = _mm512_shuffle_f32x4(low, high, 0xee);
    _mm512_storeu_ps(p, _mm512_shuffle_f32x4(first, first, 0xd8));
    _mm512_storeu_ps(p + 16, _mm512_shuffle_f32x4(second, second, 0xd8));
}

IN_LINE uint32_t pair_of(float first, float second) {
    const __m128bh both = _mm_cvtneps_pbh(_mm_set_ps(0, 0, second, first));
    return (uint32_t)_mm_cvtsi128_si32((__m128i)both);
}

}  // namespace

void mix_bfloats(const Attention &a, int t, int first_head, int chunk) {
    const int width = a.rank + a.rope;
    if (!a.half || width % 32 || width > WIDEST || a.rank % 64)
        return table_avx512.mix(a, t, first_head, chunk);
    const int from = chunk * ATTEND_CHUNK, seen = a.past + t + 1;
    const int count = seen - from < ATTEND_CHUNK ? seen - from : ATTEND_CHUNK;
    const uint16_t *rows = (const uint16_t *)a.entries + (size_t)from * width;
    const size_t place = ((size_t)t * a.chunks + chunk) * a.heads + first_head;
    float *mixed = a.mixed + place * a.rank;
    if (count <= 0) {
        for (int h = 0; h < HEADS; h++) a.peaks[place + h] = -3e38f, a.sums[place + h] = 0;
        return;
    }
    alignas(64) uint16_t q[HEADS * WIDEST];
    const float *queries = a.queries + ((size_t)t * a.heads + first_head) * width;
    for (int i = 0; i < HEADS * width; i += 32)
        _mm512_storeu_si512(q + i, (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(queries + i + 16),
                                                                _mm512_loadu_ps(queries + i)));
    alignas(64) float scores[HEADS][ATTEND_CHUNK];
    alignas(64) uint32_t pairs[HEADS][ATTEND_CHUNK / 2];
    score(rows, count, width, q, scores);
    for (int h = 0; h < HEADS; h++) {
        float peak = -3e38f, sum = 0;
        for (int k = 0; k < count; k++) peak = scores[h][k] > peak ? scores[h][k] : peak;
        for (int k = 0; k < count; k++) scores[h][k] = exponential(scores[h][k] - peak);
        for (int k = 0; k < count; k++) sum += scores[h][k];
        if (count % 2) scores[h][count] = 0;
        for (int k = 0; k < count; k += 2) pairs[h][k / 2] = pair_of(scores[h][k], scores[h][k + 1]);
        a.peaks[place + h] = peak, a.sums[place + h] = sum;
    }
    for (int i = 0; i < HEADS * a.rank; i += 16) _mm512_storeu_ps(mixed + i, _mm512_setzero_ps());
    for (int k = 0; k < count; k += NEAR) {
        const uint32_t(*at)[ATTEND_CHUNK / 2] =
            (const uint32_t(*)[ATTEND_CHUNK / 2])(&pairs[0][k / 2]);
        add_rows(rows + (size_t)k * width, count - k < NEAR ? count - k : NEAR, width, a.rank, at,
                 mixed);
    }
    for (int i = 0; i < HEADS * a.rank; i += 32) in_order(mixed + i);
}

}  // namespace moonhand
