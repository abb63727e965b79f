// A whole layer of the decoder for a few new tokens in one call: norm, attention over the cache's
// latents, norm, router, experts. Between the products there is little to compute and, from Python,
// much to say: 45 calls of torch a layer took a third of a token's time.
// What torch would hand on in bfloat16 is rounded here too.
#include <algorithm>
#include <cmath>
#include <vector>

#include "numbers.h"

using namespace moonhand;

namespace {

struct Linear {
    const uint8_t *blocks;
    const float *rows;
    int32_t spans, bits;
};

}  // namespace

extern "C" {

// As `LayerOfC` in compiled.py has it, field by field.
struct Layer {
    int32_t half, width, heads, nope, rope, value, rank;
    float scale, epsilon, latent_epsilon;
    const void *first_norm, *latent_norm, *second_norm;  // of the network's own numbers
    Linear query, latent, output;
    const void *up;
    const uint8_t *gate_up;
    const float *gate_up_rows;
    const uint8_t *down;
    const float *down_rows;
    int32_t experts, hidden_blocks, spans, bits;
    int32_t routed, chosen;  // the rest of the experts every token has
    const float *router, *balance;
    float router_scale;
};
}

namespace {

// Scaled to a mean square of 1, then by the weights; count is a multiple of 16.
void norm(const Table &table, const float *x, const Numbers &weight, int count, float epsilon,
          float *to) {
    const float square = table.dot(x, false, x, count) / count;
    const float scale = 1.0f / std::sqrt(square + epsilon);
    weight.read(0, count, to);
    for (int i = 0; i < count; i++) to[i] *= x[i] * scale;
}

// Adjacent channels as one complex number.
void turn(float *x, const float *cosines, const float *sines, int count) {
    for (int i = 0; i < count / 2; i++) {
        const float even = x[2 * i], odd = x[2 * i + 1];
        x[2 * i] = even * cosines[i] - odd * sines[i];
        x[2 * i + 1] = even * sines[i] + odd * cosines[i];
    }
}

// Which experts a token goes to and how much each weighs: see model/moe.py.
void route(const Table &table, const Layer &l, const float *x, int64_t *experts, float *weights) {
    std::vector<float> scores(l.routed), choice(l.routed);
    for (int e = 0; e < l.routed; e++) {
        const float sum = table.dot(l.router + (size_t)e * l.width, false, x, l.width);
        scores[e] = 1.0f / (1.0f + std::exp(-sum));
        choice[e] = scores[e] + l.balance[e];
    }
    float total = 0;
    for (int c = 0; c < l.chosen; c++) {
        const int best = (int)(std::max_element(choice.begin(), choice.end()) - choice.begin());
        experts[c] = best, weights[c] = scores[best], total += scores[best];
        choice[best] = -INFINITY;
    }
    for (int c = 0; c < l.chosen; c++) weights[c] = weights[c] / (total + 1e-20f) * l.router_scale;
    for (int e = l.routed; e < l.experts; e++) {
        experts[l.chosen + e - l.routed] = e, weights[l.chosen + e - l.routed] = 1;
    }
}

void add(const Numbers &x, const Numbers &y, size_t count, void *to) {
    std::vector<float> a(count), b(count);
    x.read(0, (int)count, a.data());
    y.read(0, (int)count, b.data());
    for (size_t i = 0; i < count; i++) a[i] += b[i];
    write(a.data(), (int)count, to, 0, x.half);
}

}  // namespace

extern "C" {

// y [tokens, width] = the layer's outcome for x; entries [past + tokens, rank + rope] get the new
// tokens' last. cosines, sines [tokens, rope / 2]. 0: done; 3: not with such sizes.
int moonhand_layer(int variant, const Layer *layer, const void *x, const void *cosines,
                   const void *sines, void *entries, int past, int tokens, void *y, int threads) {
    const Layer &l = *layer;
    const Table *table = table_of(variant);
    if (!table) return 1;
    if (l.width % 16 || l.rank % 16 || l.rope % 16 || l.heads % 4) return 3;
    const bool half = l.half;
    const size_t bytes = half ? 2 : 4;
    const int latent = l.rank + l.rope, head = l.nope + l.rope;
    auto numbers = [&](const void *at) { return Numbers{at, half}; };
    auto room = [&](size_t count) { return std::vector<uint8_t>(count * bytes); };
    auto rows = room((size_t)tokens * l.width), queries = room((size_t)tokens * l.heads * head),
         latents = room((size_t)tokens * latent), middle = room((size_t)tokens * l.width),
         mixed = room((size_t)tokens * l.heads * l.value);
    std::vector<float> token(std::max(l.width, std::max(l.heads * head, latent))), to(l.width),
        cosine(l.rope / 2), sine(l.rope / 2);
    auto linear = [&](const Linear &m, int outputs, const void *from, int inputs, void *into) {
        moonhand_linear(variant, m.bits, m.blocks, m.rows, m.spans, outputs, from, half, tokens,
                        inputs, into, threads);
    };
    auto normed = [&](const void *from, const void *weight) {
        for (int t = 0; t < tokens; t++) {
            numbers(from).read((size_t)t * l.width, l.width, token.data());
            norm(*table, token.data(), numbers(weight), l.width, l.epsilon, to.data());
            write(to.data(), l.width, rows.data(), (size_t)t * l.width, half);
        }
    };
    normed(x, l.first_norm);
    linear(l.query, l.heads * head, rows.data(), l.width, queries.data());
    linear(l.latent, latent, rows.data(), l.width, latents.data());
    for (int t = 0; t < tokens; t++) {
        numbers(cosines).read((size_t)t * l.rope / 2, l.rope / 2, cosine.data());
        numbers(sines).read((size_t)t * l.rope / 2, l.rope / 2, sine.data());
        const size_t at = (size_t)t * l.heads * head;
        numbers(queries.data()).read(at, l.heads * head, token.data());
        for (int h = 0; h < l.heads; h++)
            turn(&token[h * head + l.nope], cosine.data(), sine.data(), l.rope);
        write(token.data(), l.heads * head, queries.data(), at, half);
        numbers(latents.data()).read((size_t)t * latent, latent, token.data());
        norm(*table, token.data(), numbers(l.latent_norm), l.rank, l.latent_epsilon, to.data());
        turn(&token[l.rank], cosine.data(), sine.data(), l.rope);
        const size_t entry = (size_t)(past + t) * latent;
        write(to.data(), l.rank, entries, entry, half);
        write(&token[l.rank], l.rope, entries, entry + l.rank, half);
    }
    moonhand_attend(variant, queries.data(), entries, l.up, half, past, tokens, l.heads, l.nope,
                    l.rope, l.value, l.rank, l.scale, mixed.data(), threads);
    linear(l.output, l.width, mixed.data(), l.heads * l.value, rows.data());
    const size_t all = (size_t)tokens * l.width;
    add(numbers(x), numbers(rows.data()), all, middle.data());
    normed(middle.data(), l.second_norm);
    const int chosen = l.chosen + l.experts - l.routed;
    std::vector<int64_t> experts((size_t)tokens * chosen);
    std::vector<float> weights((size_t)tokens * chosen);
    for (int t = 0; t < tokens; t++) {
        numbers(rows.data()).read((size_t)t * l.width, l.width, token.data());
        route(*table, l, token.data(), &experts[(size_t)t * chosen], &weights[(size_t)t * chosen]);
    }
    const int status = moonhand_experts(
        variant, l.bits, l.gate_up, l.gate_up_rows, l.down, l.down_rows, l.experts,
        l.hidden_blocks, l.spans, experts.data(), weights.data(), chosen, rows.data(), half,
        tokens, l.width, y, threads);
    if (status) return status;
    add(numbers(middle.data()), numbers(y), all, y);
    return 0;
}
}
