// The sample loop for GPUs with thread block clusters (compute capability 9.0 and newer), for networks with a mixture output.
//
// Eight blocks of a cluster share the layers of some voices; each keeps its weights for the whole run, in registers and shared memory, so
// that none are read again from the second-level cache (medium: 1.2 MB a sample):
//
//     block 0        block 1              block 6         block 7
//     layers 0-2 ──▶ layers 3-5 ──▶ … ──▶ layers 18-19 ──▶ head, draw, input ──▶ block 0
//
// Voices go round in groups of 8 * TILES. A group's residual stream and skip sum are written into the next block's shared memory (st.async,
// with the barrier that the block waits at), so that a block works on one group while the others are elsewhere. Each group has its own inbox
// in every block and is in one place at a time: an inbox is empty whenever it is written to.
//
// Matrices multiply from the left, [outputs, inputs] · [inputs, voices], by mma.m16n8k16: float16 with float32 sums. Eight voices are a tile.
// A warp makes 16 rows: in gates, 8 filters and their 8 gates, which so meet in one thread. Vectors lie as rows [voice][channel] in shared
// memory. A lane's share of 64 inputs is 16 neighbouring channels, two 16-byte loads: `packed` of cluster.py orders the matrices' columns so.
//
// What waits gives up after `patience` clock ticks; the run then ends, and `failed` says so.

#ifndef EMULATED
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;
#endif

#define BLOCKS 8
#define LAYER_BLOCKS 7
#define WARPS (WIDTH / 8)
#define THREADS (32 * WARPS)
#define DEPTH ((LAYERS + LAYER_BLOCKS - 1) / LAYER_BLOCKS)
#define VOICES (8 * TILES)
#define STEPS_OF(k) ((k) / 16)
#define STRIDE(k) (2 * (k) + 16)  // bytes of a vector; so that eight of them lie in different banks
#define SKIP_TILES (SKIP / 16 / WARPS)
#define HEAD_TILES (HEAD / 16 / WARPS)
#define OUTPUTS 16
#define SLOTS_A_STACK (2 * ((1 << CYCLE) - 1))
#define SLOTS (LAYERS / CYCLE * SLOTS_A_STACK + 2 * ((1 << (LAYERS % CYCLE)) - 1))

// Shared memory, in bytes from its beginning.
#define PAST_BYTES (2 * WIDTH * WIDTH * 2)  // a layer's matrix on its past
#define SKIP_BYTES (WIDTH * SKIP * 2)
#define HEAD_BYTES (SKIP * HEAD * 2)
#define OUT_BYTES (HEAD * OUTPUTS * 2)
#define LARGER(a, b) ((a) > (b) ? (a) : (b))
#define STREAM_BYTES (WIDTH * VOICES * 4)
#define SUM_BYTES (SKIP * VOICES * 4)
#define STREAMS LARGER(DEPTH * (PAST_BYTES + SKIP_BYTES), RECENT + RECENT_BYTES)
#define SUMS (STREAMS + GROUPS * STREAM_BYTES)
#define BARRIERS (SUMS + GROUPS * SUM_BYTES)  // of streams, then of sums
#define BIASES (BARRIERS + 16 * GROUPS)
#define BIAS_BYTES LARGER(DEPTH * WIDTH * 4, (SKIP + HEAD + OUTPUTS) * 4)
#define ROOM (BIASES + BIAS_BYTES)
#define ROW_BYTES (VOICES * STRIDE(WIDTH))
// of a block of layers
#define PASTS ROOM
#define INPUTS (PASTS + 2 * DEPTH * ROW_BYTES)  // the gated vectors of a layer take the place of its past
#define LAYERS_END (INPUTS + DEPTH * ROW_BYTES)
// of the head's
#define SUMMED ROOM
#define HIDDEN (SUMMED + VOICES * STRIDE(SKIP))
#define LOGITS (HIDDEN + VOICES * STRIDE(HEAD))
#define HEAD_END (LOGITS + OUTPUTS * VOICES * 4)
// and in what its matrices leave of the layers' room
#define PARTS (HEAD_BYTES + OUT_BYTES)
#define RECENT (PARTS + WARPS * OUTPUTS * VOICES * 4)
#define RECENT_BYTES (GROUPS * HISTORY * VOICES * 4)
static_assert(LARGER(LAYERS_END, HEAD_END) <= SHARED, "more shared memory than was asked for");
static_assert(WIDTH == 32 || WIDTH == 64, "a warp makes 8 channels");

struct __align__(16) Four { u32 a, b, c, d; };
struct __align__(8) Two { float filter, gate; };

#ifndef EMULATED
extern __shared__ __align__(128) char shared[];

__device__ __forceinline__ u32 place_of(const void* pointer) { return (u32)__cvta_generic_to_shared(pointer); }

__device__ __forceinline__ void multiply(float* d, const u32* a, u32 b0, u32 b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
__device__ __forceinline__ u16 half_of(float x) { u16 h; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(x)); return h; }
__device__ __forceinline__ float power_of_two(float x) { float y; asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
__device__ __forceinline__ float log_two(float x) { float y; asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
__device__ __forceinline__ float inverse(float x) { float y; asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }

__device__ __forceinline__ void copy_ahead(void* to, const void* from) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" :: "r"(place_of(to)), "l"(from) : "memory");
}
__device__ __forceinline__ void end_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
__device__ __forceinline__ void await_copies(bool all) {
    if (all) asm volatile("cp.async.wait_group 0;" ::: "memory");
    else asm volatile("cp.async.wait_group 1;" ::: "memory");
}

__device__ __forceinline__ void begin_barrier(void* barrier) {
    asm volatile("mbarrier.init.shared.b64 [%0], 1;" :: "r"(place_of(barrier)) : "memory");
}
__device__ __forceinline__ void expect(void* barrier, u32 bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" :: "r"(place_of(barrier)), "r"(bytes) : "memory");
}
__device__ __forceinline__ bool is_past(void* barrier, u32 parity) {
    u32 done;
    asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
        : "=r"(done) : "r"(place_of(barrier)), "r"(parity) : "memory");
    return done != 0;
}
__device__ __forceinline__ void send(u32 block, void* to, void* barrier, const float* x) {
    u32 there, bell;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(place_of(to)), "r"(block));
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(bell) : "r"(place_of(barrier)), "r"(block));
    asm volatile("st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.b32 [%0], {%1,%2,%3,%4}, [%5];"
        :: "r"(there), "r"(__float_as_uint(x[0])), "r"(__float_as_uint(x[1])), "r"(__float_as_uint(x[2])), "r"(__float_as_uint(x[3])), "r"(bell) : "memory");
}
__device__ __forceinline__ u32 block_in_cluster() { u32 r; asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(r)); return r; }
__device__ __forceinline__ void await_cluster() {
    asm volatile("barrier.cluster.arrive.release;" ::: "memory");
    asm volatile("barrier.cluster.wait.acquire;" ::: "memory");
}
__device__ __forceinline__ void publish_barriers() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
#endif

__device__ __forceinline__ bool await(void* barrier, u32 parity, i64 patience, i64& waited) {
    if (patience > 0 && is_past(barrier, parity)) return true;
    const i64 begun = clock64();
    bool came = false;
    while (!came && clock64() - begun < patience) came = is_past(barrier, parity);
    waited += clock64() - begun;
    return came;
}

// A lane's inputs of one voice and 64 (or 32) of its channels: two registers for each 16.
template <int K> __device__ __forceinline__ void read_row(const char* rows, int lane, u32* q) {
    const char* row = rows + (lane >> 2) * STRIDE(K);
#pragma unroll
    for (int part = 0; part < (K + 63) / 64; part++) {
        constexpr int share = (K < 64 ? K : 64) / 4;  // channels of a lane
        const char* at = row + 2 * (64 * part + share * (lane & 3));
#pragma unroll
        for (int i = 0; i < share / 8; i++) {
            Four four = *(const Four*)(at + 16 * i);
            u32* to = q + part * share / 2 + 4 * i;
            to[0] = four.a, to[1] = four.b, to[2] = four.c, to[3] = four.d;
        }
    }
}

__device__ __forceinline__ void read_matrix(const char* matrix, int step, int lane, u32* a) {
    Four four = *(const Four*)(matrix + (step * 32 + lane) * 16);
    a[0] = four.a, a[1] = four.b, a[2] = four.c, a[3] = four.d;
}

// tanh(f) σ(g) as one fraction.
__device__ __forceinline__ float gated(float f, float g) {
    f = fminf(fmaxf(f, -15.0f), 15.0f), g = fminf(fmaxf(g, -40.0f), 40.0f);
    float e = power_of_two(2.885390082f * f), s = power_of_two(-1.442695041f * g);
    return (e - 1.0f) * inverse((e + 1.0f) * (1.0f + s));
}

// Upper 53 bits of number n of stream `key`; see orchestrion.randomness.
__device__ __forceinline__ u64 random_bits(u64 key, u64 n) {
    u64 z = key + (n + 1) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    z = z ^ (z >> 31);
    return (z >> 11) << 11;
}

// Twin of kernel.py's `_draw_mixture` for one voice; `raw` is a column of [OUTPUTS][VOICES].
__device__ __forceinline__ int draw_mixture(const float* raw, float centre, float sharpness, u64 bits) {
    i64 weight[MIXTURES], total = 0, below = 0, share = 0;
    float peak = raw[0], mean = 0.0f, scale = 0.0f;
#pragma unroll
    for (int k = 1; k < MIXTURES; k++) peak = fmaxf(peak, raw[k * VOICES]);
#pragma unroll
    for (int k = 0; k < MIXTURES; k++) {
        weight[k] = (i64)(power_of_two((raw[k * VOICES] - peak) * 1.442695041f) * 1099511627776.0f);
        total += weight[k];
    }
    i64 target = (i64)__umul64hi(bits, (u64)total), sum = 0;
    int chosen = 0;
#pragma unroll
    for (int k = 0; k < MIXTURES; k++) {
        sum += weight[k];
        chosen += sum <= target;
    }
    chosen = chosen < MIXTURES ? chosen : MIXTURES - 1;
#pragma unroll
    for (int k = 0; k < MIXTURES; k++) {
        if (k < chosen) below += weight[k];
        if (k == chosen) share = weight[k], mean = raw[(k + MIXTURES) * VOICES], scale = raw[(k + 2 * MIXTURES) * VOICES];
    }
    float rest = (float)(target - below) / (float)(share > 1 ? share : 1);
    rest = fminf(fmaxf(rest, LEAST_REST), 1.0f - LEAST_REST);
    scale = fminf(fmaxf(scale, LOG_SCALE_LOW), LOG_SCALE_HIGH) + LOG_SCALE_SHIFT;
    float value = mean + centre + power_of_two(scale * 1.442695041f) * (log_two(rest / (1.0f - rest)) * 0.6931471806f) / sharpness;
    value = fminf(fmaxf(value, -1.0f), 1.0f);
    int code = (int)floorf((value + 1.0f) * (0.5f * (GRID - 1)) + 0.5f);
    return code < 0 ? 0 : code > GRID - 1 ? GRID - 1 : code;
}

struct Run {
    const char *w_past, *w_now, *w_res, *w_skip, *w_head, *w_out;  // float16, as `packed` orders them
    const float *w_hist, *b_res, *b_skip, *b_head, *b_out;         // [HISTORY, WIDTH], [LAYERS, WIDTH], [SKIP], [HEAD], [OUTPUTS]
    u16* rings;                                                    // [groups, SLOTS, VOICES, WIDTH] float16
    const i64 *keys, *counters;                                    // [voices]
    int* recent;                                                   // [KEPT, voices]
    const float *pool, *drive, *centre;                            // as in kernel.py
    const i64* places;                                             // [frames, voices]
    const float* sharpness;                                        // [frames, voices]
    const int* forced;                                             // [frames * HOP, voices] or null
    int* out;                                                      // [frames * HOP, voices]
    float* logits;                                                 // [voices, OUTPUTS]
    int* failed;
    i64* waited;                                                   // [blocks] clock ticks that each has waited for others
    i64 patience;
    int n_groups, n_clusters, clock, first, n_steps;
};

// Where a layer's inputs lie in a group's ring: the first of its slots.
__device__ __forceinline__ int ring_of(int layer) {
    return layer / CYCLE * SLOTS_A_STACK + 2 * ((1 << (layer % CYCLE)) - 1);
}

__device__ __forceinline__ void begin_copies(const Run& run, char* pasts, int group, int step, int first_layer, int n_layers) {
    for (int c = threadIdx.x; c < n_layers * VOICES * (WIDTH / 8); c += THREADS) {
        int part = c % (WIDTH / 8), voice = c / (WIDTH / 8) % VOICES, l = c / (WIDTH / 8) / VOICES;
        int dilation = 1 << ((first_layer + l) % CYCLE);
        int slot = ring_of(first_layer + l) + ((step + dilation) & (2 * dilation - 1));
        const u16* from = run.rings + ((i64)group * SLOTS + slot) * (VOICES * WIDTH) + voice * WIDTH + 8 * part;
        copy_ahead(pasts + l * ROW_BYTES + voice * STRIDE(WIDTH) + 16 * part, from);
    }
    end_copies();
}

__device__ __forceinline__ void keep_inputs(const Run& run, const char* inputs, int group, int step, int first_layer, int n_layers) {
    for (int c = threadIdx.x; c < n_layers * VOICES * (WIDTH / 8); c += THREADS) {
        int part = c % (WIDTH / 8), voice = c / (WIDTH / 8) % VOICES, l = c / (WIDTH / 8) / VOICES;
        int dilation = 1 << ((first_layer + l) % CYCLE);
        int slot = ring_of(first_layer + l) + (step & (2 * dilation - 1));
        u16* to = run.rings + ((i64)group * SLOTS + slot) * (VOICES * WIDTH) + voice * WIDTH + 8 * part;
        *(Four*)to = *(const Four*)(inputs + l * ROW_BYTES + voice * STRIDE(WIDTH) + 16 * part);
    }
}

// Two rows of a tile (row and row + 8, two voices each) as float16 into rows [voice][channel].
template <int K> __device__ __forceinline__ void write_tile(char* rows, int channel, int voice, const float* x) {
    *(u16*)(rows + voice * STRIDE(K) + 2 * channel) = half_of(x[0]);
    *(u16*)(rows + (voice + 1) * STRIDE(K) + 2 * channel) = half_of(x[1]);
    *(u16*)(rows + voice * STRIDE(K) + 2 * (channel + 8)) = half_of(x[2]);
    *(u16*)(rows + (voice + 1) * STRIDE(K) + 2 * (channel + 8)) = half_of(x[3]);
}

__device__ __forceinline__ void copy_in(char* to, const char* from, int bytes) {
    for (int i = threadIdx.x * 16; i < bytes; i += THREADS * 16) *(Four*)(to + i) = *(const Four*)(from + i);
}

__device__ __forceinline__ bool play_layers(const Run& run, char* memory, int block, int cluster, int n_groups, i64& waited) {
    constexpr int STEPS = STEPS_OF(WIDTH);
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, row = lane >> 2, pair = 2 * (lane & 3);
    const int first_layer = block * LAYERS / LAYER_BLOCKS, n_layers = (block + 1) * LAYERS / LAYER_BLOCKS - first_layer;
    const int tile = warp >> 1, mine = warp & 1;  // the 16 channels and 8 voices of the residual stream that this warp holds
    const bool holds = mine < TILES;
    const int n_voices = run.n_groups * VOICES, n_items = run.n_steps * n_groups, ahead = n_groups > 1 ? 2 : 1;

    u32 now[DEPTH][STEPS][4], res[DEPTH][STEPS][4];
#pragma unroll
    for (int l = 0; l < DEPTH; l++)
        if (l < n_layers) {
            const int layer = first_layer + l;
            copy_in(memory + l * PAST_BYTES, run.w_past + (i64)layer * PAST_BYTES, PAST_BYTES);
            copy_in(memory + DEPTH * PAST_BYTES + l * SKIP_BYTES, run.w_skip + (i64)layer * SKIP_BYTES, SKIP_BYTES);
            for (int i = threadIdx.x; i < WIDTH; i += THREADS) ((float*)(memory + BIASES))[l * WIDTH + i] = run.b_res[layer * WIDTH + i];
#pragma unroll
            for (int s = 0; s < STEPS; s++) {
                read_matrix(run.w_now + (i64)layer * PAST_BYTES + warp * STEPS * 512, s, lane, now[l][s]);
                read_matrix(run.w_res + (i64)layer * PAST_BYTES / 2 + tile * STEPS * 512, s, lane, res[l][s]);
            }
        }
    for (int i = 0; i < ahead && i < n_items; i++)
        begin_copies(run, memory + PASTS + i * DEPTH * ROW_BYTES, cluster + i % n_groups * run.n_clusters, run.clock + i / n_groups, first_layer, n_layers);

    // What the score gives a group is fetched while the one before it ends.
    int places[TILES][2];
    float given[DEPTH][TILES][4];
    auto find_places = [&](int n, int g) {
#pragma unroll
        for (int v = 0; v < TILES; v++)
#pragma unroll
            for (int e = 0; e < 2; e++)
                places[v][e] = (int)run.places[(i64)((run.first + n) / HOP) * n_voices + (cluster + g * run.n_clusters) * VOICES + 8 * v + pair + e];
    };
    auto fetch = [&] {
#pragma unroll
        for (int v = 0; v < TILES; v++)
#pragma unroll
            for (int e = 0; e < 2; e++) {
                const Two* of = (const Two*)(run.pool + ((i64)places[v][e] * LAYERS + first_layer) * (2 * WIDTH)) + 8 * warp + row;
#pragma unroll
                for (int l = 0; l < DEPTH; l++)
                    if (l < n_layers) {
                        const Two both = of[l * WIDTH];
                        given[l][v][e] = both.filter, given[l][v][2 + e] = both.gate;
                    }
            }
    };
    find_places(0, 0), fetch();

    bool ok = true;
    int n = 0, g = 0;
    for (int item = 0; item < n_items; item++) {
        const int group = cluster + g * run.n_clusters;
        const bool is_last_group = g + 1 == n_groups;
        char* streams = memory + STREAMS + g * STREAM_BYTES;
        char* sums = memory + SUMS + g * SUM_BYTES;
        char* stream_bell = memory + BARRIERS + 8 * g;
        char* sum_bell = memory + BARRIERS + 8 * (GROUPS + g);

        // Before the group is here: what it takes from the score and from its past.
        float acc[DEPTH][TILES][4];
        {
            if (item + 1 < n_items) find_places(is_last_group ? n + 1 : n, is_last_group ? 0 : g + 1);
            await_copies(ahead == 1 || item + 1 == n_items);
            __syncthreads();
            const char* pasts = memory + PASTS + (item & 1) * DEPTH * ROW_BYTES;
#pragma unroll
            for (int l = 0; l < DEPTH; l++)
                if (l < n_layers) {
                    u32 q[TILES][WIDTH / 8];
#pragma unroll
                    for (int v = 0; v < TILES; v++) {
                        read_row<WIDTH>(pasts + l * ROW_BYTES + 8 * v * STRIDE(WIDTH), lane, q[v]);
                        acc[l][v][0] = acc[l][v][1] = acc[l][v][2] = acc[l][v][3] = 0.0f;
                    }
#pragma unroll
                    for (int s = 0; s < STEPS; s++) {
                        u32 a[4];
                        read_matrix(memory + l * PAST_BYTES + warp * STEPS * 512, s, lane, a);
#pragma unroll
                        for (int v = 0; v < TILES; v++) multiply(acc[l][v], a, q[v][2 * s], q[v][2 * s + 1]);
                    }
                }
#pragma unroll
            for (int l = 0; l < DEPTH; l++)
                if (l < n_layers)
#pragma unroll
                    for (int v = 0; v < TILES; v++)
#pragma unroll
                        for (int e = 0; e < 4; e++) acc[l][v][e] += given[l][v][e];
        }

        ok = await(stream_bell, n & 1, run.patience, waited);
        float h[4], skip[SKIP_TILES][TILES][4];
        u32 z[TILES][WIDTH / 8];
        if (holds) {
            Four four = *(const Four*)(streams + ((tile * TILES + mine) * 32 + lane) * 16);
            h[0] = __uint_as_float(four.a), h[1] = __uint_as_float(four.b), h[2] = __uint_as_float(four.c), h[3] = __uint_as_float(four.d);
            write_tile<WIDTH>(memory + INPUTS, 16 * tile + row, 8 * mine + pair, h);
        }
#pragma unroll
        for (int m = 0; m < SKIP_TILES; m++)
#pragma unroll
            for (int v = 0; v < TILES; v++) skip[m][v][0] = skip[m][v][1] = skip[m][v][2] = skip[m][v][3] = 0.0f;
        if (!__syncthreads_and(ok)) { ok = false; break; }
        if (threadIdx.x == 0) expect(stream_bell, STREAM_BYTES);  // of the next sample: it cannot be sent before this one has gone on

#pragma unroll
        for (int l = 0; l < DEPTH; l++)
            if (l < n_layers) {
                {
                    u32 x[TILES][WIDTH / 8];
#pragma unroll
                    for (int v = 0; v < TILES; v++) read_row<WIDTH>(memory + INPUTS + l * ROW_BYTES + 8 * v * STRIDE(WIDTH), lane, x[v]);
#pragma unroll
                    for (int s = 0; s < STEPS; s++)
#pragma unroll
                        for (int v = 0; v < TILES; v++) multiply(acc[l][v], now[l][s], x[v][2 * s], x[v][2 * s + 1]);
                }
                if (l > 0) {  // the skip sum of the layer before: nothing waits for it
#pragma unroll
                    for (int m = 0; m < SKIP_TILES; m++)
#pragma unroll
                        for (int s = 0; s < STEPS; s++) {
                            u32 a[4];
                            read_matrix(memory + DEPTH * PAST_BYTES + (l - 1) * SKIP_BYTES + (warp * SKIP_TILES + m) * STEPS * 512, s, lane, a);
#pragma unroll
                            for (int v = 0; v < TILES; v++) multiply(skip[m][v], a, z[v][2 * s], z[v][2 * s + 1]);
                        }
                }
                char* rows = memory + PASTS + ((item & 1) * DEPTH + l) * ROW_BYTES;
#pragma unroll
                for (int v = 0; v < TILES; v++) {
                    const int voice = 8 * v + pair, channel = 8 * warp + row;
                    *(u16*)(rows + voice * STRIDE(WIDTH) + 2 * channel) = half_of(gated(acc[l][v][0], acc[l][v][2]));
                    *(u16*)(rows + (voice + 1) * STRIDE(WIDTH) + 2 * channel) = half_of(gated(acc[l][v][1], acc[l][v][3]));
                }
                __syncthreads();
#pragma unroll
                for (int v = 0; v < TILES; v++) read_row<WIDTH>(rows + 8 * v * STRIDE(WIDTH), lane, z[v]);
                if (holds) {
#pragma unroll
                    for (int s = 0; s < STEPS; s++)
                        multiply(h, res[l][s], TILES > 1 && mine ? z[TILES - 1][2 * s] : z[0][2 * s], TILES > 1 && mine ? z[TILES - 1][2 * s + 1] : z[0][2 * s + 1]);
                    const float* bias = (const float*)(memory + BIASES) + l * WIDTH + 16 * tile + row;
                    h[0] += bias[0], h[1] += bias[0], h[2] += bias[8], h[3] += bias[8];
                    if (l + 1 < n_layers) write_tile<WIDTH>(memory + INPUTS + (l + 1) * ROW_BYTES, 16 * tile + row, 8 * mine + pair, h);
                    else if (block + 1 < LAYER_BLOCKS) send(block + 1, streams + ((tile * TILES + mine) * 32 + lane) * 16, stream_bell, h);
                }
                if (l + 1 < n_layers) __syncthreads();
                else {
#pragma unroll
                    for (int m = 0; m < SKIP_TILES; m++)
#pragma unroll
                        for (int s = 0; s < STEPS; s++) {
                            u32 a[4];
                            read_matrix(memory + DEPTH * PAST_BYTES + l * SKIP_BYTES + (warp * SKIP_TILES + m) * STEPS * 512, s, lane, a);
#pragma unroll
                            for (int v = 0; v < TILES; v++) multiply(skip[m][v], a, z[v][2 * s], z[v][2 * s + 1]);
                        }
                }
            }
        fetch();
        if (block > 0) {
            ok = await(sum_bell, n & 1, run.patience, waited);
#pragma unroll
            for (int m = 0; m < SKIP_TILES; m++)
#pragma unroll
                for (int v = 0; v < TILES; v++) {
                    Four four = *(const Four*)(sums + (((warp * SKIP_TILES + m) * TILES + v) * 32 + lane) * 16);
                    skip[m][v][0] += __uint_as_float(four.a), skip[m][v][1] += __uint_as_float(four.b);
                    skip[m][v][2] += __uint_as_float(four.c), skip[m][v][3] += __uint_as_float(four.d);
                }
        }
        keep_inputs(run, memory + INPUTS, group, run.clock + n, first_layer, n_layers);
        // The next block may send this group on before another thread of this one has read its sums: but what comes back comes from block 7,
        // which waits for all threads' sums, each sent after it was read.
#pragma unroll
        for (int m = 0; m < SKIP_TILES; m++)
#pragma unroll
            for (int v = 0; v < TILES; v++) send(block + 1, sums + (((warp * SKIP_TILES + m) * TILES + v) * 32 + lane) * 16, sum_bell, skip[m][v]);
        if (!__syncthreads_and(ok)) { ok = false; break; }
        if (block > 0 && threadIdx.x == 0) expect(sum_bell, SUM_BYTES);
        const int later = item + ahead;
        if (later < n_items)
            begin_copies(run, memory + PASTS + (later & 1) * DEPTH * ROW_BYTES, cluster + later % n_groups * run.n_clusters, run.clock + later / n_groups, first_layer, n_layers);
        g = is_last_group ? 0 : g + 1, n += is_last_group;
    }
    return ok;
}

__device__ __forceinline__ bool play_head(const Run& run, char* memory, int cluster, int n_groups, i64& waited) {
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, row = lane >> 2, pair = 2 * (lane & 3);
    const int tile = warp >> 1, mine = warp & 1, voice = threadIdx.x;  // the last of the first VOICES threads, which draw
    const bool holds = mine < TILES, draws = voice < VOICES;
    const int n_voices = run.n_groups * VOICES, n_items = run.n_steps * n_groups;
    const float* b_skip = (const float*)(memory + BIASES);
    const float *b_head = b_skip + SKIP, *b_out = b_head + HEAD;
    float* recent = (float*)(memory + RECENT);  // [groups][HISTORY][VOICES], that of sample n in n mod HISTORY

    copy_in(memory, run.w_head, HEAD_BYTES);
    copy_in(memory + HEAD_BYTES, run.w_out, OUT_BYTES);
    copy_in(memory + BIASES, (const char*)run.b_skip, SKIP * 4);
    copy_in(memory + BIASES + SKIP * 4, (const char*)run.b_head, HEAD * 4);
    copy_in(memory + BIASES + (SKIP + HEAD) * 4, (const char*)run.b_out, OUTPUTS * 4);
    for (int i = threadIdx.x; i < n_groups * HISTORY * VOICES; i += THREADS) {
        const int v = i % VOICES, k = i / VOICES % HISTORY, g = i / VOICES / HISTORY;  // of the sample HISTORY - k before the first
        const int code = run.recent[(i64)((run.clock + KEPT - HISTORY + k) & (KEPT - 1)) * n_voices + (cluster + g * run.n_clusters) * VOICES + v];
        recent[i] = (float)code * (2.0f / (GRID - 1)) - 1.0f;
    }
    float history[HISTORY][2];
#pragma unroll
    for (int k = 0; k < HISTORY; k++) history[k][0] = run.w_hist[k * WIDTH + 16 * tile + row], history[k][1] = run.w_hist[k * WIDTH + 16 * tile + row + 8];
    __syncthreads();

    // All but the newest sample's share of the input of sample n; recent[k] is that of sample n - HISTORY + k, wherever it lies.
    auto older = [&](int n, int g, float* h) {
        int at = n % HISTORY;
#pragma unroll
        for (int k = 0; k + 1 < HISTORY; k++) {
            const float* x = recent + (g * HISTORY + at) * VOICES + 8 * mine + pair;
            h[0] += x[0] * history[k][0], h[1] += x[1] * history[k][0], h[2] += x[0] * history[k][1], h[3] += x[1] * history[k][1];
            if (++at == HISTORY) at = 0;
        }
    };
    auto send_input = [&](int n, int g, float* h) {
        const float* x = recent + (g * HISTORY + (n + HISTORY - 1) % HISTORY) * VOICES + 8 * mine + pair;
        const float *w = history[HISTORY - 1];
        h[0] += x[0] * w[0], h[1] += x[1] * w[0], h[2] += x[0] * w[1], h[3] += x[1] * w[1];
        send(0, memory + STREAMS + g * STREAM_BYTES + ((tile * TILES + mine) * 32 + lane) * 16, memory + BARRIERS + 8 * g, h);
    };
    // What the score gives the input of sample n.
    auto fetch_drive = [&](int n, int g, float* h) {
        const int group = cluster + g * run.n_clusters, t = run.first + n;
        h[0] = h[1] = h[2] = h[3] = 0.0f;
        if (DRIVEN && holds && n < run.n_steps)
#pragma unroll
            for (int e = 0; e < 2; e++) {
                i64 place = run.places[(i64)(t / HOP) * n_voices + group * VOICES + 8 * mine + pair + e];
                const float* of = run.drive + (place * HOP + t % HOP) * WIDTH + 16 * tile + row;
                h[e] = of[0], h[2 + e] = of[8];
            }
    };
    struct Draw { u64 bits; float middle, sharp; int forced; };
    auto fetch_draw = [&](int n, int g) {
        Draw draw = {0, 0.0f, 1.0f, -1};
        if (draws) {
            const int t = run.first + n, frame = t / HOP;
            const i64 at = (i64)(cluster + g * run.n_clusters) * VOICES + voice;
            draw.bits = random_bits((u64)run.keys[at], (u64)(run.counters[at] + n));
            draw.sharp = run.sharpness[(i64)frame * n_voices + at];
            draw.middle = run.centre[run.places[(i64)frame * n_voices + at] * HOP + t % HOP];
            if (run.forced) draw.forced = run.forced[(i64)t * n_voices + at];
        }
        return draw;
    };
    float drive[4];
    if (holds)
        for (int g = 0; g < n_groups; g++) {
            fetch_drive(0, g, drive), older(0, g, drive), send_input(0, g, drive);
        }
    fetch_drive(1, 0, drive);
    Draw draw = fetch_draw(0, 0);

    bool ok = true;
    int n = 0, g = 0;
    for (int item = 0; item < n_items; item++) {
        const int group = cluster + g * run.n_clusters, t = run.first + n;
        char* sum_bell = memory + BARRIERS + 8 * (GROUPS + g);
        const char* sums = memory + SUMS + g * SUM_BYTES;
        const bool goes_on = n + 1 < run.n_steps, is_last_group = g + 1 == n_groups;
        float h[4] = {drive[0], drive[1], drive[2], drive[3]};
        const Draw now = draw;
        if (holds && goes_on) older(n + 1, g, h);
        if (item + 1 < n_items) {  // of the next group, while this one is waited for and played
            fetch_drive((is_last_group ? n + 1 : n) + 1, is_last_group ? 0 : g + 1, drive);
            draw = fetch_draw(is_last_group ? n + 1 : n, is_last_group ? 0 : g + 1);
        }

        ok = await(sum_bell, n & 1, run.patience, waited);
#pragma unroll
        for (int m = 0; m < SKIP_TILES; m++)
#pragma unroll
            for (int v = 0; v < TILES; v++) {
                const int channel = 16 * (warp * SKIP_TILES + m) + row;
                Four four = *(const Four*)(sums + (((warp * SKIP_TILES + m) * TILES + v) * 32 + lane) * 16);
                float x[4];
                x[0] = fmaxf(__uint_as_float(four.a) + b_skip[channel], 0.0f), x[1] = fmaxf(__uint_as_float(four.b) + b_skip[channel], 0.0f);
                x[2] = fmaxf(__uint_as_float(four.c) + b_skip[channel + 8], 0.0f), x[3] = fmaxf(__uint_as_float(four.d) + b_skip[channel + 8], 0.0f);
                write_tile<SKIP>(memory + SUMMED, channel, 8 * v + pair, x);
            }
        if (!__syncthreads_and(ok)) { ok = false; break; }
        if (threadIdx.x == 0) expect(sum_bell, SUM_BYTES);
        {
            u32 q[TILES][SKIP / 8];
            float acc[HEAD_TILES][TILES][4];
#pragma unroll
            for (int v = 0; v < TILES; v++) read_row<SKIP>(memory + SUMMED + 8 * v * STRIDE(SKIP), lane, q[v]);
#pragma unroll
            for (int m = 0; m < HEAD_TILES; m++) {
                const int channel = 16 * (warp * HEAD_TILES + m) + row;
#pragma unroll
                for (int v = 0; v < TILES; v++) acc[m][v][0] = acc[m][v][1] = b_head[channel], acc[m][v][2] = acc[m][v][3] = b_head[channel + 8];
            }
#pragma unroll
            for (int s = 0; s < STEPS_OF(SKIP); s++)
#pragma unroll
                for (int m = 0; m < HEAD_TILES; m++) {
                    u32 a[4];
                    read_matrix(memory + (warp * HEAD_TILES + m) * STEPS_OF(SKIP) * 512, s, lane, a);
#pragma unroll
                    for (int v = 0; v < TILES; v++) multiply(acc[m][v], a, q[v][2 * s], q[v][2 * s + 1]);
                }
#pragma unroll
            for (int m = 0; m < HEAD_TILES; m++)
#pragma unroll
                for (int v = 0; v < TILES; v++) {
                    float x[4];
#pragma unroll
                    for (int e = 0; e < 4; e++) x[e] = fmaxf(acc[m][v][e], 0.0f);
                    write_tile<HEAD>(memory + HIDDEN, 16 * (warp * HEAD_TILES + m) + row, 8 * v + pair, x);
                }
        }
        __syncthreads();
        // Each warp takes its share of the hidden channels; their sums are added in order.
        constexpr int STEPS = STEPS_OF(HEAD) / WARPS;
        float* parts = (float*)(memory + PARTS);
#pragma unroll
        for (int v = 0; v < TILES; v++) {
            float acc[4] = {0.0f, 0.0f, 0.0f, 0.0f};
            const char* rows = memory + HIDDEN + (8 * v + row) * STRIDE(HEAD);
#pragma unroll
            for (int i = 0; i < STEPS; i++) {
                const int s = warp * STEPS + i;  // of 64 channels, step s % 4: registers 2 (s % 4) and the next one
                const u32* q = (const u32*)(rows + 2 * (64 * (s / 4) + 16 * (lane & 3))) + 2 * (s % 4);
                u32 a[4];
                read_matrix(memory + HEAD_BYTES, s, lane, a);
                multiply(acc, a, q[0], q[1]);
            }
            float* to = parts + (warp * OUTPUTS + row) * VOICES + 8 * v + pair;
            to[0] = acc[0], to[1] = acc[1], to[8 * VOICES] = acc[2], to[8 * VOICES + 1] = acc[3];
        }
        __syncthreads();
        float* logits = (float*)(memory + LOGITS);
        for (int i = threadIdx.x; i < OUTPUTS * VOICES; i += THREADS) {
            float sum = b_out[i / VOICES];
#pragma unroll
            for (int w = 0; w < WARPS; w++) sum += parts[w * OUTPUTS * VOICES + i];
            logits[i] = sum;
            if (!goes_on) run.logits[((i64)group * VOICES + i % VOICES) * OUTPUTS + i / VOICES] = sum;
        }
        __syncthreads();
        if (draws) {
            int code = draw_mixture(logits + voice, now.middle, now.sharp, now.bits);
            if (now.forced >= 0) code = now.forced;
            const i64 at = (i64)group * VOICES + voice;
            recent[(g * HISTORY + n % HISTORY) * VOICES + voice] = (float)code * (2.0f / (GRID - 1)) - 1.0f;
            run.recent[(i64)((run.clock + n) & (KEPT - 1)) * n_voices + at] = code;
            run.out[(i64)t * n_voices + at] = code;
        }
        __syncthreads();
        if (holds && goes_on) send_input(n + 1, g, h);
        g = is_last_group ? 0 : g + 1, n += is_last_group;
    }
    return ok;
}

extern "C" __global__ void __cluster_dims__(BLOCKS, 1, 1) __launch_bounds__(THREADS, 1) play(const Run run) {
#ifdef EMULATED
    char* memory = emulated_shared();
#else
    char* memory = shared;
#endif
    const int block = (int)block_in_cluster(), cluster = blockIdx.x / BLOCKS;
    const int n_groups = (run.n_groups - cluster + run.n_clusters - 1) / run.n_clusters;
    if (threadIdx.x == 0)
        for (int g = 0; g < n_groups; g++) {
            begin_barrier(memory + BARRIERS + 8 * g), begin_barrier(memory + BARRIERS + 8 * (GROUPS + g));
        }
    publish_barriers();
    __syncthreads();
    if (threadIdx.x == 0)
        for (int g = 0; g < n_groups; g++) {
            expect(memory + BARRIERS + 8 * g, STREAM_BYTES);
            expect(memory + BARRIERS + 8 * (GROUPS + g), SUM_BYTES);
        }
    await_cluster();
    i64 waited = 0;
    const bool ok = block < LAYER_BLOCKS ? play_layers(run, memory, block, cluster, n_groups, waited) : play_head(run, memory, cluster, n_groups, waited);
    if (!ok) *run.failed = 1;
    if (threadIdx.x == 0) run.waited[blockIdx.x] = waited;
    await_cluster();  // no block leaves while another one may write to it
}
