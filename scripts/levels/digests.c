// Prints a digest of what every kernel of 32-bit floats gives at every instruction level that this CPU has:
//   LEVEL KERNEL DIGEST
// over many lengths, tails, strides and values, the same inputs everywhere. Lines of one kernel have to be equal, on one
// machine and on any two that have fused multiply-adds. It needs nothing but the C library: see ../levels-check.sh.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef AS_INIT
#include <sys/reboot.h>
#include <unistd.h>
#endif

#include "d3_levels.h"

// What is left out where an emulator runs it.
#ifdef SMALL
enum { LONGEST = 50, LAST = LONGEST + 2, MOST = 50000 };
#else
enum { LONGEST = 101, LAST = LONGEST + 4, MOST = 1 << 20 };
#endif
enum { SPACE = 1 << 17, INPUTS = 4 };
static float in[INPUTS][SPACE], out[4][SPACE];
static uint64_t state, digest;

static uint32_t next(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

/// Magnitudes from 2^-span to 2^span, so that the order of a sum shows.
static float number(uint32_t span) {
    const uint32_t random = next(), exponent = 127 - span + next() % (2 * span + 1);
    const uint32_t bits = random << 31 | exponent << 23 | (random >> 1 & 0x7FFFFF);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/// New inputs; `flavour` says how wild.
static void fill(long count, int flavour) {
    for (int b = 0; b < INPUTS; b++)
        for (long i = 0; i < count; i++) {
            in[b][i] = number(flavour == 0 ? 1 : flavour == 1 ? 5 : 12);
            if (flavour == 2 && next() % 16 == 0) {
                const float special[] = {0.0f, -0.0f, 1e-42f, -1e-42f, 3e38f, -3e38f, INFINITY, -INFINITY};
                in[b][i] = special[next() % 8];
            }
        }
    for (int b = 0; b < 4; b++)
        for (long i = 0; i < 3 * count; i++) out[b][i] = number(2);
}

static void note(const void *bytes, size_t size) {
    const uint8_t *p = bytes;
    for (size_t i = 0; i < size; i++) digest = (digest ^ p[i]) * 0x100000001b3u;
}

/// Which NaN an operation gives depends on the order of its operands, which nothing reads.
static void note_floats(const float *x, long count) {
    for (long i = 0; i < count; i++) {
        const float value = isnan(x[i]) ? NAN : x[i];
        note(&value, sizeof value);
    }
}
static void note_float(float x) { note_floats(&x, 1); }

static float *positive(int b, long count) {
    for (long i = 0; i < count; i++) in[b][i] = fabsf(in[b][i]);
    return in[b];
}

static void rms_norm(const d3_kernels *k, long n) {
    k->rms_norm(in[0], in[1], out[0], out[1], 3, n, 1e-5f);
    note_floats(out[0], 3 * n);
    note_floats(out[1], 3);
}
static void rms_norm_backward(const d3_kernels *k, long n) {
    k->rms_norm_backward(in[0], in[1], in[2], in[3], out[0], out[1], 3, n);
    note_floats(out[0], 3 * n + 1);
    note_floats(out[1], n + 1);
}
static void rope(const d3_kernels *k, long n) {
    const int32_t positions[] = {4, 0, 2};
    k->rope(out[0], 4 * n + 3, in[0], in[1], positions, 3, 2, 2 * n, n % 2 ? 1 : -1);
    note_floats(out[0], 3 * (4 * n + 3));
}
static void softmax_rows(const d3_kernels *k, long n) {
    const int32_t limits[] = {(int32_t)n, (int32_t)(n / 2), n > 0, 0};
    k->softmax_rows(out[0], n + 3, limits, 4, n, 0.35f);
    note_floats(out[0], 4 * (n + 3));
    memcpy(out[1], in[0], sizeof(float) * (4 * n + 12));
    k->softmax_rows(out[1], n + 3, limits, 4, n, 0.35f);
    note_floats(out[1], 4 * (n + 3));
}
static void softmax_rows_backward(const d3_kernels *k, long n) {
    k->softmax_rows_backward(out[0], in[0], n + 3, 3, n, 0.35f);
    note_floats(out[0], 3 * (n + 3));
}
static void swiglu(const d3_kernels *k, long n) {
    k->swiglu(in[0], in[1], out[0], n);
    note_floats(out[0], n + 1);
}
static void swiglu_backward(const d3_kernels *k, long n) {
    k->swiglu_backward(in[0], in[1], in[2], out[0], out[1], n);
    note_floats(out[0], n + 1);
    note_floats(out[1], n + 1);
}
static void score(const d3_kernels *k, long n) {
    if (!n) return;
    const d3_token_score s = k->score(in[0], n);
    note(&s.token, sizeof s.token);
    note_float(s.probability);
    note_float(s.second_probability);
    note_float(s.entropy);
}
static void loss_row(const d3_kernels *k, long n) {
    if (!n) return;
    for (int t = 0; t < 2; t++) {
        const d3_row_loss l = k->loss_row(in[0], n, (int32_t)(n / 2), t ? 0.5f : 1.0f);
        note_float(l.cross_entropy);
        note_float(l.entropy);
        note(&l.correct, sizeof l.correct);
    }
}
static void loss_row_backward(const d3_kernels *k, long n) {
    if (!n) return;
    for (int t = 0; t < 3; t++) {
        k->loss_row_backward(in[0], out[0], n, (int32_t)(n / 2), 0.7f, t ? 1.3f : 0, t == 1 ? 0.5f : 1.0f);
        note_floats(out[0], n + 1);
    }
}
static void soft_cross_entropy(const d3_kernels *k, long n) { note_float(k->soft_cross_entropy(in[0], positive(1, n), n)); }
static void soft_cross_entropy_backward(const d3_kernels *k, long n) {
    k->soft_cross_entropy_backward(in[0], positive(1, n), out[0], n, 1.5f);
    note_floats(out[0], n + 1);
}
static void softmax(const d3_kernels *k, long n) {
    k->softmax(in[0], out[0], n);
    note_floats(out[0], n + 1);
}
static void vectors(const d3_kernels *k, long n) {
    k->add(out[0], in[0], n);
    k->scale(out[1], 0.3f, n);
    k->axpy(out[2], -1.7f, in[1], n);
    for (int i = 0; i < 3; i++) note_floats(out[i], n + 1);
    k->add_row(out[0], n + 2, in[2], 3, n);
    k->sum_rows(in[3], n + 1, out[3], 3, n);
    note_floats(out[0], 3 * n + 6);
    note_floats(out[3], n + 1);
}
static void sum_of_squares(const d3_kernels *k, long n) {
    const double sum = k->sum_of_squares(in[0], n);
    note(&sum, sizeof sum);
}
static void halves(const d3_kernels *k, long n) {
    k->f32_to_bf16(in[0], (uint16_t *)out[0], n);
    note(out[0], 2 * n);
    k->bf16_to_f32((const uint16_t *)in[1], out[1], n);
    note_floats(out[1], n + 1);
}
static void adamw(const d3_kernels *k, long n) {
    k->adamw(out[0], in[0], out[1], positive(1, n), n, 0.5f, 0.01f, 0.9f, 0.999f, 1e-8f, 0.1f, 0.271f, 0.002997f);
    note_floats(out[0], n + 1);
    note_floats(out[1], n + 1);
    note_floats(in[1], n + 1);
}
static void nesterov(const d3_kernels *k, long n) {
    k->nesterov(in[0], out[0], out[1], n, 0.5f, 0.95f);
    note_floats(out[0], n + 1);
    note_floats(out[1], n + 1);
}

/// Products around the edges of tiles, panels and chunks, narrow, tiny, and with strides that collide.
static void products(const d3_kernels *k) {
    static const short shapes[][3] = {
        {1, 1, 1}, {1, 7, 3}, {3, 5, 24}, {12, 32, 64}, {13, 33, 65}, {11, 31, 448}, {25, 30, 449}, {7, 57, 900},
        {3, 56, 1025}, {40, 40, 40}, {50, 33, 5}, {64, 24, 80}, {80, 80, 24}, {24, 8, 100}, {17, 16, 31}, {17, 17, 31},
        {9, 24, 9}, {14, 25, 12}, {30, 48, 33}, {30, 47, 460}, {2, 100, 96}, {300, 24, 7}, {31, 96, 96}, {19, 140, 15},
    };
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int way = 0; way < 16; way++) {
            const long m = shapes[s][0], n = shapes[s][1], depth = shapes[s][2];
            const bool ta = way & 1, tb = way & 2;
            if (m * n * depth > MOST) continue;
            const long a_rows = ta ? depth : m, a_columns = ta ? m : depth, b_rows = tb ? n : depth;
            const long b_columns = tb ? depth : n;
            // Where they fit, strides of a page.
            const bool far = way & 8;
            if (far && (a_rows > SPACE / 1024 || b_rows > SPACE / 1024 || a_columns > 1024 || b_columns > 1024)) continue;
            const long lda = far ? 1024 : a_columns + 1, ldb = far ? 1024 : b_columns + 2;
            state = s * 16 + way;
            for (long i = 0; i < a_rows; i++)
                for (long j = 0; j < a_columns; j++) in[0][i * lda + j] = number(5);
            for (long i = 0; i < b_rows; i++)
                for (long j = 0; j < b_columns; j++) in[1][i * ldb + j] = number(5);
            for (long i = 0; i < m * (n + 3); i++) out[0][i] = number(3);
            const d3_product p = {in[0], in[1], out[0], m, n, depth, lda, ldb, n + 3, way & 4 ? 1.0f : 0.3f, ta, tb, way & 4};
            k->product_f32(&p);
            note_floats(out[0], m * (n + 3));
        }
}

static const struct {
    const char *name;
    void (*run)(const d3_kernels *, long);
} kernels[] = {
#define KERNEL(name) {#name, name}
    KERNEL(rms_norm), KERNEL(rms_norm_backward), KERNEL(rope), KERNEL(softmax_rows), KERNEL(softmax_rows_backward),
    KERNEL(swiglu), KERNEL(swiglu_backward), KERNEL(score), KERNEL(loss_row), KERNEL(loss_row_backward),
    KERNEL(soft_cross_entropy), KERNEL(soft_cross_entropy_backward), KERNEL(softmax), KERNEL(vectors),
    KERNEL(sum_of_squares), KERNEL(halves), KERNEL(adamw), KERNEL(nesterov),
};

static void run(const d3_kernels *level) {
    memset(in, 0, sizeof in);
    memset(out, 0, sizeof out);
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        digest = 0xcbf29ce484222325u;
        for (long n = 0; n <= LAST; n++)
            for (int flavour = 0; flavour < 3; flavour++) {
                // A few long rows at the end.
                const long length = n <= LONGEST ? n : (const long[]){257, 300, 1000, 4096}[n - LONGEST - 1];
                state = i * 1000003 + n * 101 + flavour;
                fill((length > 1000 ? 3 : 5) * length + 64, flavour);
                kernels[i].run(level, length);
            }
        printf("%s %s %016llx\n", level->name, kernels[i].name, (unsigned long long)digest);
        fflush(stdout);
    }
    digest = 0xcbf29ce484222325u;
    products(level);
    printf("%s products %016llx\n", level->name, (unsigned long long)digest);
}

int main(void) {
    const char *const names[] = {"plain", "x86-64-v3", "x86-64-v4"};
    puts("levels begin");
    for (int i = 0; i < 3; i++) {
        const d3_kernels *level = d3_kernels_at(names[i]);
        if (level)
            run(level);
        else
            printf("%s is not here\n", names[i]);
    }
    puts("levels end");
    fflush(stdout);
#ifdef AS_INIT
    sleep(1);
    reboot(RB_POWER_OFF);
#endif
    return 0;
}
