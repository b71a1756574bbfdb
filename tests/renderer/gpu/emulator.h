// Runs cluster.cu on a CPU, so that its results are tested where there is no GPU: every CUDA thread is a fibre, what a warp or a block does
// together waits for all of them, and what is asynchronous comes late and in random order. Shared memory begins as NaN.
// Speed, registers and the GPU's memory model are not emulated.
#pragma once
#define EMULATED
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <ucontext.h>
#include <vector>

typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef long long i64;

#define __device__
#define __global__
#define __forceinline__ inline
#define __align__(n) alignas(n)
#define __cluster_dims__(x, y, z)
#define __launch_bounds__(n, m)

namespace emulator {
constexpr int STACK = 64 << 10, IN_CLUSTER = 8;

struct Fibre;
struct Warp {
    int arrived = 0, turn = 0;
    float* d[32];
    u32 a[32][4], b[32][2];
};
struct Block {
    std::vector<uint64_t> memory;
    std::vector<Warp> warps;
    int arrived = 0, turn = 0, all = 1, result = 1;
};
struct Fibre {
    void* stack_pointer = nullptr;
    std::unique_ptr<char[]> stack;
    int thread = 0, rank = 0;
    bool done = false;
    std::vector<std::vector<std::pair<void*, const void*>>> copies{1};  // groups of copies, the last one open
};
struct Delivery {
    int rank;
    char *to, *barrier;
    float x[4];
};
struct Counter {  // a barrier in shared memory
    uint16_t phase, arrivals;
    int32_t bytes;
};
static_assert(sizeof(Counter) == 8, "an mbarrier");

inline std::vector<Block> blocks;
inline std::vector<Fibre> fibres;
inline std::vector<Delivery> under_way;
inline std::mt19937 chance(0);
inline Fibre* self;
inline void* scheduler;
inline int cluster, arrived_in_cluster, turn_of_cluster;
inline i64 ticks;
inline std::function<void()> body;

#if defined(__x86_64__)
extern "C" void emulator_switch(void** from, void* to);
asm(R"(
.text
.globl emulator_switch
.type emulator_switch, @function
emulator_switch:
    push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15
    mov %rsp, (%rdi); mov %rsi, %rsp
    pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp
    ret
)");
inline void begin();
inline void prepare(Fibre& f) {
    uintptr_t top = (uintptr_t)(f.stack.get() + STACK) & ~(uintptr_t)15;
    void** sp = (void**)top - 2;  // as after a call: the stack is 8 off a multiple of 16
    *sp = (void*)begin;
    sp -= 6;
    std::fill(sp, sp + 6, nullptr);
    f.stack_pointer = sp;
}
inline void leave(void** from, void* to) { emulator_switch(from, to); }
#else
inline void begin();
inline void prepare(Fibre& f) {
    auto* context = new ucontext_t;
    getcontext(context);
    context->uc_stack.ss_sp = f.stack.get(), context->uc_stack.ss_size = STACK, context->uc_link = nullptr;
    makecontext(context, begin, 0);
    f.stack_pointer = context;
}
inline void leave(void** from, void* to) {
    static ucontext_t main_context;
    if (!*from) *from = &main_context;
    swapcontext((ucontext_t*)*from, (ucontext_t*)to);
}
#endif
inline void yield() { leave(&self->stack_pointer, scheduler); }
inline void begin() {
    body();
    self->done = true;
    for (;;) yield();
}
inline Block& block() { return blocks[self->rank]; }
inline void check(Counter* c) {
    if (c->arrivals == 0 && c->bytes == 0) c->phase ^= 1, c->arrivals = 1;
}
inline char* memory_of(int rank) { return (char*)blocks[rank].memory.data(); }
inline float from_half(u16 bits) {
    _Float16 h;
    memcpy(&h, &bits, 2);
    return (float)h;
}
inline void deliver(const Delivery& d) {
    memcpy(d.to, d.x, 16);
    auto* c = (Counter*)d.barrier;
    c->bytes -= 16;
    check(c);
}
// Where the halves of a matrix lie among the lanes of a warp (PTX, mma.m16n8k16).
inline void multiply_all(Warp& w) {
    float a[16][16], b[16][8];
    for (int lane = 0; lane < 32; lane++)
        for (int r = 0; r < 4; r++)
            for (int e = 0; e < 2; e++) {
                a[lane / 4 + 8 * (r & 1)][2 * (lane % 4) + 8 * (r >> 1) + e] = from_half(w.a[lane][r] >> (16 * e));
                if (r < 2) b[2 * (lane % 4) + 8 * r + e][lane / 4] = from_half(w.b[lane][r] >> (16 * e));
            }
    for (int lane = 0; lane < 32; lane++)
        for (int r = 0; r < 4; r++) {
            const int i = lane / 4 + 8 * (r >> 1), j = 2 * (lane % 4) + (r & 1);
            float sum = 0.0f;
            for (int k = 0; k < 16; k++) sum += a[i][k] * b[k][j];
            w.d[lane][r] += sum;
        }
}
inline bool run(int n_clusters, int n_threads, int shared_bytes, std::function<void()> kernel) {
    body = std::move(kernel);
    for (cluster = 0; cluster < n_clusters; cluster++) {
        arrived_in_cluster = turn_of_cluster = 0;
        blocks.assign(IN_CLUSTER, Block());
        under_way.clear();
        fibres.clear();
        fibres.resize(IN_CLUSTER * n_threads);
        for (auto& b : blocks) b.memory.assign(shared_bytes / 8, ~uint64_t(0)), b.warps.resize(n_threads / 32);
        for (size_t i = 0; i < fibres.size(); i++) {
            fibres[i].rank = (int)i / n_threads, fibres[i].thread = (int)i % n_threads, fibres[i].stack.reset(new char[STACK]);
            prepare(fibres[i]);
        }
        for (bool busy = true; busy; ticks++) {
            busy = false;
            for (auto& f : fibres)
                if (!f.done) busy = true, self = &f, leave(&scheduler, f.stack_pointer);
            for (size_t i = 0; i < under_way.size();)  // half of them arrive, in any order
                if (chance() & 1) deliver(under_way[i]), under_way[i] = under_way.back(), under_way.pop_back();
                else i++;
        }
    }
    return under_way.empty();
}
}  // namespace emulator

static struct { operator int() const { return emulator::self->thread; } } emulated_thread;
static struct { operator int() const { return emulator::cluster * emulator::IN_CLUSTER + emulator::self->rank; } } emulated_block;
static struct { decltype(emulated_thread)& x = emulated_thread; } threadIdx;
static struct { decltype(emulated_block)& x = emulated_block; } blockIdx;

inline char* emulated_shared() { return emulator::memory_of(emulator::self->rank); }
inline int __syncthreads_and(int ok) {
    auto& b = emulator::block();
    b.all &= ok != 0;
    const int turn = b.turn;
    if (++b.arrived == (int)b.warps.size() * 32) b.result = b.all, b.all = 1, b.arrived = 0, b.turn++;
    else while (b.turn == turn) emulator::yield();
    return b.result;
}
inline void __syncthreads() { __syncthreads_and(1); }
inline i64 clock64() { return emulator::ticks; }
inline u64 __umul64hi(u64 a, u64 b) { return (u64)(((unsigned __int128)a * b) >> 64); }
inline float __uint_as_float(u32 x) { float y; memcpy(&y, &x, 4); return y; }

inline void multiply(float* d, const u32* a, u32 b0, u32 b1) {
    auto& w = emulator::block().warps[emulator::self->thread / 32];
    const int lane = emulator::self->thread % 32, turn = w.turn;
    w.d[lane] = d, w.b[lane][0] = b0, w.b[lane][1] = b1;
    std::copy(a, a + 4, w.a[lane]);
    if (++w.arrived == 32) emulator::multiply_all(w), w.arrived = 0, w.turn++;
    else while (w.turn == turn) emulator::yield();
}
inline u16 half_of(float x) { _Float16 h = (_Float16)x; u16 bits; memcpy(&bits, &h, 2); return bits; }
inline float power_of_two(float x) { return std::exp2(x); }
inline float log_two(float x) { return std::log2(x); }
inline float inverse(float x) { return 1.0f / x; }

inline void copy_ahead(void* to, const void* from) { emulator::self->copies.back().push_back({to, from}); }
inline void end_copies() { emulator::self->copies.emplace_back(); }
inline void await_copies(bool all) {
    auto& groups = emulator::self->copies;
    while (groups.size() > (all ? 1u : 2u)) {
        for (auto& copy : groups.front()) memcpy(copy.first, copy.second, 16);
        groups.erase(groups.begin());
    }
}
inline void begin_barrier(void* barrier) { *(emulator::Counter*)barrier = {0, 1, 0}; }
inline void expect(void* barrier, u32 bytes) {
    auto* c = (emulator::Counter*)barrier;
    if (c->arrivals == 0) abort();
    c->bytes += (int)bytes, c->arrivals--;
    emulator::check(c);
}
inline bool is_past(void* barrier, u32 parity) {
    if (((emulator::Counter*)barrier)->phase != (parity & 1)) return true;
    emulator::yield();
    return false;
}
inline void send(u32 block, void* to, void* barrier, const float* x) {
    emulator::Delivery d{(int)block, emulator::memory_of((int)block) + ((char*)to - emulated_shared()), emulator::memory_of((int)block) + ((char*)barrier - emulated_shared()), {}};
    std::copy(x, x + 4, d.x);
    emulator::under_way.push_back(d);
}
inline u32 block_in_cluster() { return (u32)emulator::self->rank; }
inline void await_cluster() {
    const int turn = emulator::turn_of_cluster;
    if (++emulator::arrived_in_cluster == (int)emulator::fibres.size()) emulator::arrived_in_cluster = 0, emulator::turn_of_cluster++;
    else while (emulator::turn_of_cluster == turn) emulator::yield();
}
inline void publish_barriers() {}
