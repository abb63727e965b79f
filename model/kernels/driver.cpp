// What the outside calls: a plain C interface over one instruction set's functions, the work shared
// out to OpenMP's threads. Nothing is kept between calls.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include "numbers.h"

using namespace moonhand;

namespace {

constexpr int CHUNK = 8;        // blocks of rows that are one piece of work: as many streams
constexpr int TOKENS = 512;     // at most at once: a chunk's outcome stays in the second cache
constexpr int WIDE_FROM = 16;   // tokens of a matrix; fewer leave a tile instruction half empty

bool has_amx() {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    const bool tiles = (d >> 24 & 1) && (d >> 22 & 1);
    if (!tiles || !__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a >> 5 & 1)) return false;
    // ARCH_REQ_XCOMP_PERM of XFEATURE_XTILEDATA: Linux gives the tiles to who asks.
    return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
}

// Tokens on their whole numbers, and the room for them.
struct Tokens {
    std::vector<int8_t> q;
    std::vector<float> scale, sum;
    int inputs, groups;
    Tokens(size_t count, int spans) : inputs(spans * SPAN), groups(spans * SPAN / GROUP) {
        q.resize(count * inputs);
        scale.resize(count * groups);
        sum.resize(count * groups);
    }
    Rounded view(const uint16_t *wide) const {
        return {q.data(), scale.data(), sum.data(), wide, inputs};
    }
    void copy(size_t to, const Tokens &other, size_t from) {
        std::memcpy(&q[to * inputs], &other.q[from * inputs], inputs);
        std::memcpy(&scale[to * groups], &other.scale[from * groups], groups * sizeof(float));
        std::memcpy(&sum[to * groups], &other.sum[from * groups], groups * sizeof(float));
    }
};

struct Bfloats {
    uint16_t *at = nullptr;
    explicit Bfloats(size_t count) {
        if (count) at = (uint16_t *)std::aligned_alloc(64, (count * 2 + 63) / 64 * 64);
    }
    ~Bfloats() { std::free(at); }
    Bfloats(const Bfloats &) = delete;
};

void round_token(const Table &table, const Numbers &x, size_t token, int width, Tokens &tokens) {
    std::vector<float> row(width);
    x.read(token * width, width, row.data());
    table.round(row.data(), width, tokens.inputs, &tokens.q[token * tokens.inputs],
                &tokens.scale[token * tokens.groups], &tokens.sum[token * tokens.groups]);
}

Matrix at_block(Matrix matrix, int block) {
    matrix.blocks += block * matrix.stride();
    matrix.rows += block * 2 * ROWS;
    return matrix;
}

// Rows of `matrix` for tokens that lie together; wide where the tokens are many.
void multiply(const Table &table, const Matrix &matrix, int num_blocks, const Rounded &x,
              size_t first, int count, bool wide, int first_tile, float *out, int stride,
              uint16_t *room) {
    if (wide)
        table.multiply_wide(matrix, num_blocks, x, first_tile * 16, count, out, stride, room);
    else
        table.multiply(matrix, num_blocks, x, (int)first, count, out, stride);
}

size_t room_for(const Table &table, int inputs) {
    return table.multiply_wide ? (size_t)2 * ROWS * inputs : 0;
}

}  // namespace

const Table *moonhand::table_of(int variant) {
    static const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    static const bool avx512 =
        avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vnni");
    static const bool bfloats = avx512 && __builtin_cpu_supports("avx512bf16");
    static const bool amx = bfloats && has_amx();
    static const Table wide = [] {
        Table table = table_avx512;
        if (bfloats) table.mix = mix_bfloats;
        return table;
    }();
    static const Table tiles = [] {
        Table table = wide;
        table.tile = tile_tokens;
        table.multiply_wide = multiply_wide;
        return table;
    }();
    switch (variant) {
        case 0: return &table_plain;
        case 1: return avx2 ? &table_avx2 : nullptr;
        case 2: return avx512 ? &wide : nullptr;
        case 3: return amx ? &tiles : nullptr;
    }
    return nullptr;
}

extern "C" {

// 1: this processor has what the variant needs. 0 plain, 1 AVX2, 2 AVX-512 VNNI, 3 AMX.
int moonhand_supports(int variant) { return table_of(variant) != nullptr; }

// y [tokens, num_outputs] = x [tokens, width] times the matrix; 0: done.
int moonhand_linear(int variant, int bits, const uint8_t *blocks, const float *rows, int spans,
                    int num_outputs, const void *x, int half, int tokens, int width, void *y,
                    int threads) {
    const Table *table = table_of(variant);
    if (!table) return 1;
    const Matrix matrix = {blocks, rows, spans, bits};
    const Numbers given = {x, half != 0};
    const int num_blocks = (num_outputs + ROWS - 1) / ROWS;
    const int num_chunks = (num_blocks + CHUNK - 1) / CHUNK;
    const bool wide = table->multiply_wide && tokens >= WIDE_FROM;
    Tokens rounded(tokens, spans);
    const int num_tiles = (tokens + 15) / 16;
    Bfloats tiles(wide ? (size_t)num_tiles * 16 * rounded.inputs : 0);
    std::atomic<int> next(0);
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(static)
        for (int t = 0; t < tokens; t++) round_token(*table, given, t, width, rounded);
        if (wide) {
#pragma omp for schedule(static)
            for (int i = 0; i < num_tiles; i++)
                table->tile(&rounded.q[(size_t)i * 16 * rounded.inputs],
                            &rounded.scale[(size_t)i * 16 * rounded.groups], rounded.inputs,
                            std::min(16, tokens - i * 16),
                            tiles.at + (size_t)i * 16 * rounded.inputs);
        }
        const Rounded all = rounded.view(tiles.at);
        Bfloats room(wide ? room_for(*table, rounded.inputs) : 0);
        std::vector<float> out((size_t)std::min(tokens, TOKENS) * CHUNK * ROWS);
        for (int c; (c = next.fetch_add(1)) < num_chunks;) {
            const int from = c * CHUNK, count = std::min(CHUNK, num_blocks - from);
            const int width_out = std::min(count * ROWS, num_outputs - from * ROWS);
            for (int t = 0; t < tokens; t += TOKENS) {
                const int some = std::min(TOKENS, tokens - t);
                multiply(*table, at_block(matrix, from), count, all, t, some, wide, t / 16,
                         out.data(), CHUNK * ROWS, room.at);
                for (int i = 0; i < some; i++)
                    write(&out[(size_t)i * CHUNK * ROWS], width_out, y,
                          (size_t)(t + i) * num_outputs + from * ROWS, half != 0);
            }
        }
    }
    return 0;
}

// y [tokens, width] = each token's experts, weighed; gate_up and down are stacks of matrices.
// 0: done; 2: a chosen expert is none of the stack.
int moonhand_experts(int variant, int bits, const uint8_t *gate_up, const float *gate_up_rows,
                     const uint8_t *down, const float *down_rows, int num_experts,
                     int hidden_blocks, int spans, const int64_t *experts, const float *weights,
                     int chosen, const void *x, int half, int tokens, int width, void *y,
                     int threads) {
    const Table *table = table_of(variant);
    if (!table) return 1;
    const int hidden_spans = hidden_blocks * ROWS / SPAN, slots = tokens * chosen;
    const int width_blocks = (width + ROWS - 1) / ROWS;
    const Numbers given = {x, half != 0};
    std::vector<int> begin(num_experts + 1, 0), token_of(slots), tile_of(num_experts + 1, 0);
    std::vector<float> weight_of(slots);
    for (int i = 0; i < slots; i++) {
        if (experts[i] < 0 || experts[i] >= num_experts) return 2;
        begin[experts[i] + 1]++;
    }
    std::vector<int> active;
    for (int e = 0; e < num_experts; e++) {
        if (begin[e + 1]) active.push_back(e);
        const bool wide = table->multiply_wide && begin[e + 1] >= WIDE_FROM;
        tile_of[e + 1] = tile_of[e] + (wide ? (begin[e + 1] + 15) / 16 : 0);
        begin[e + 1] += begin[e];
    }
    {
        std::vector<int> at(begin.begin(), begin.end() - 1);
        for (int i = 0; i < slots; i++) {
            const int slot = at[experts[i]]++;
            token_of[slot] = i / chosen;
            weight_of[slot] = weights[i];
        }
    }
    Tokens rounded(tokens, spans), gathered(slots, spans), hidden(slots, hidden_spans);
    const size_t num_tiles = tile_of[num_experts];
    Bfloats tiles(num_tiles * 16 * gathered.inputs), hidden_tiles(num_tiles * 16 * hidden.inputs);
    std::vector<float> mixed((size_t)tokens * width_blocks * ROWS, 0.0f);
    const int chunks = (hidden_blocks + CHUNK / 2 - 1) / (CHUNK / 2);
    const int num_items = (int)active.size() * chunks;
    const int down_chunks = (width_blocks + CHUNK - 1) / CHUNK;
    std::atomic<int> next(0), next_down(0);
    auto tile = [&](const Tokens &from, Bfloats &to, int e) {
        const int count = begin[e + 1] - begin[e];
        if (tile_of[e + 1] > tile_of[e])
            table->tile(&from.q[(size_t)begin[e] * from.inputs],
                        &from.scale[(size_t)begin[e] * from.groups], from.inputs, count,
                        to.at + (size_t)tile_of[e] * 16 * from.inputs);
    };
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(static)
        for (int t = 0; t < tokens; t++) round_token(*table, given, t, width, rounded);
#pragma omp for schedule(static)
        for (int s = 0; s < slots; s++) gathered.copy(s, rounded, token_of[s]);
        if (num_tiles) {
#pragma omp for schedule(dynamic)
            for (int e = 0; e < num_experts; e++) tile(gathered, tiles, e);
        }
        const int stride = CHUNK * ROWS;
        Bfloats room(num_tiles ? room_for(*table, std::max(gathered.inputs, hidden.inputs)) : 0);
        std::vector<float> out((size_t)std::min(slots, TOKENS) * stride);
        const Rounded all = gathered.view(tiles.at);
        for (int item; (item = next.fetch_add(1)) < num_items;) {
            const int e = active[item / chunks], from = item % chunks * (CHUNK / 2);
            const int pairs = std::min(CHUNK / 2, hidden_blocks - from);
            Matrix matrix = {nullptr, nullptr, spans, bits};
            matrix.blocks = gate_up + (size_t)e * 2 * hidden_blocks * matrix.stride();
            matrix.rows = gate_up_rows + (size_t)e * 2 * hidden_blocks * 2 * ROWS;
            const bool wide = tile_of[e + 1] > tile_of[e];
            for (int s = begin[e]; s < begin[e + 1]; s += TOKENS) {
                const int some = std::min(TOKENS, begin[e + 1] - s);
                multiply(*table, at_block(matrix, 2 * from), 2 * pairs, all, s, some, wide,
                         tile_of[e] + (s - begin[e]) / 16, out.data(), stride, room.at);
                for (int i = 0; i < some; i++) {
                    float values[CHUNK / 2 * ROWS];
                    const float *row = &out[(size_t)i * stride];
                    for (int p = 0; p < pairs; p++)
                        table->gate(row + 2 * p * ROWS, row + (2 * p + 1) * ROWS,
                                    values + p * ROWS);
                    const size_t slot = s + i;
                    table->round(values, pairs * ROWS, pairs * ROWS,
                                 &hidden.q[slot * hidden.inputs + from * ROWS],
                                 &hidden.scale[slot * hidden.groups + from * ROWS / GROUP],
                                 &hidden.sum[slot * hidden.groups + from * ROWS / GROUP]);
                }
            }
        }
#pragma omp barrier
        if (num_tiles) {
#pragma omp for schedule(dynamic)
            for (int e = 0; e < num_experts; e++) tile(hidden, hidden_tiles, e);
        }
        const Rounded inner = hidden.view(hidden_tiles.at);
        // By rows, all experts of each: no two threads add to the same number.
        for (int c; (c = next_down.fetch_add(1)) < down_chunks;) {
            const int from = c * CHUNK, count = std::min(CHUNK, width_blocks - from);
            for (int e : active) {
                Matrix matrix = {nullptr, nullptr, hidden_spans, bits};
                matrix.blocks = down + (size_t)e * width_blocks * matrix.stride();
                matrix.rows = down_rows + (size_t)e * width_blocks * 2 * ROWS;
                const bool wide = tile_of[e + 1] > tile_of[e];
                for (int s = begin[e]; s < begin[e + 1]; s += TOKENS) {
                    const int some = std::min(TOKENS, begin[e + 1] - s);
                    multiply(*table, at_block(matrix, from), count, inner, s, some, wide,
                             tile_of[e] + (s - begin[e]) / 16, out.data(), stride, room.at);
                    for (int i = 0; i < some; i++) {
                        float *to = &mixed[(size_t)token_of[s + i] * width_blocks * ROWS +
                                           from * ROWS];
                        const float weight = weight_of[s + i], *row = &out[(size_t)i * stride];
                        for (int r = 0; r < count * ROWS; r++) to[r] += weight * row[r];
                    }
                }
            }
            const int some = std::min(count * ROWS, width - from * ROWS);
            for (int t = 0; t < tokens; t++)
                write(&mixed[(size_t)t * width_blocks * ROWS + from * ROWS], some, y,
                      (size_t)t * width + from * ROWS, half != 0);
        }
    }
    return 0;
}

// y [tokens, heads * value] = attention over entries [past + tokens, rank + rope]; each token sees
// those before it and itself. rank and rope are multiples of 16, heads of 4.
int moonhand_attend(int variant, const void *q, const void *entries, const void *up, int half,
                    int past, int tokens, int heads, int nope, int rope, int value, int rank,
                    float scale, void *y, int threads) {
    const Table *table = table_of(variant);
    if (!table) return 1;
    if (rank % 16 || rope % 16 || heads % 4) return 3;
    const int chunks = (past + tokens + ATTEND_CHUNK - 1) / ATTEND_CHUNK, groups = heads / 4;
    const size_t parts = (size_t)tokens * chunks * heads;
    std::vector<float> queries((size_t)tokens * heads * (rank + rope)), peaks(parts), sums(parts),
        mixed(parts * rank);
    const Attention a = {q,      entries,        up,           half != 0,   past,
                         heads,  nope,           rope,         value,       rank,
                         chunks, scale,          queries.data(), peaks.data(), sums.data(),
                         mixed.data()};
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(dynamic)
        for (int i = 0; i < tokens * heads; i++) table->absorb(a, i / heads, i % heads);
#pragma omp for schedule(dynamic)
        for (int i = 0; i < tokens * groups * chunks; i++)
            table->mix(a, i / groups % tokens, i % groups * 4, i / groups / tokens);
        std::vector<float> out(value);
#pragma omp for schedule(dynamic)
        for (int i = 0; i < tokens * heads; i++) {
            table->gather(a, i / heads, i % heads, out.data());
            write(out.data(), value, y, (size_t)i * value, half != 0);
        }
    }
    return 0;
}

// weight [num_rows, width] float32 on its grid; counts [width]: how much each input weighs.
int moonhand_fit(int variant, int bits, const float *weight, const float *counts, int num_rows,
                 int width, uint8_t *blocks, float *rows, double *sums, int threads) {
    const Table *table = table_of(variant);
    if (!table) return 1;
    const int num_blocks = (num_rows + ROWS - 1) / ROWS;
    const int inputs = (width + SPAN - 1) / SPAN * SPAN;
    const size_t stride = inputs / SPAN * block_bytes(bits);
    std::vector<float> padded(inputs, 1.0f);
    std::copy(counts, counts + width, padded.begin());
    std::vector<double> errors((size_t)num_blocks * 2, 0.0);
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> some((size_t)ROWS * inputs);
#pragma omp for schedule(dynamic)
        for (int b = 0; b < num_blocks; b++) {
            std::fill(some.begin(), some.end(), 0.0f);
            for (int r = 0; r < ROWS && b * ROWS + r < num_rows; r++)
                std::memcpy(&some[(size_t)r * inputs], weight + (size_t)(b * ROWS + r) * width,
                            width * sizeof(float));
            table->fit(some.data(), padded.data(), width, inputs, bits, blocks + b * stride,
                       rows + b * 2 * ROWS, &errors[2 * b]);
        }
    }
    for (int b = 0; b < num_blocks; b++) sums[0] += errors[2 * b], sums[1] += errors[2 * b + 1];
    return 0;
}
}
