// Limits of one core: float32 multiply-adds per second, and bytes read per second from buffers of given sizes.
//
//     cc -O3 -march=native roofline.c -o roofline && ./roofline BYTES...
//
// The best of many short runs counts: a disturbance makes a run slower, never faster.

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
typedef float vector __attribute__((vector_size(LANES * sizeof(float))));

enum { RUNS = 200, CHAINS = 12 };

static volatile float sink;

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void use(vector v) {
  for (int i = 0; i < LANES; i++) sink += v[i];
}

// Independent chains, more than latency times throughput of the unit, few enough for 16 registers.
static double operations_per_second(long steps) {
  vector c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11;
  const vector scale = (vector){} + 0.999f, step = (vector){} + 1e-3f;
  c0 = c1 = c2 = c3 = c4 = c5 = c6 = c7 = c8 = c9 = c10 = c11 = scale;
#define STEP(c) c = c * scale + step; __asm__ volatile("" : "+x"(c))
  const double start = seconds();
  for (long i = 0; i < steps; i++) {
    STEP(c0); STEP(c1); STEP(c2); STEP(c3); STEP(c4); STEP(c5);
    STEP(c6); STEP(c7); STEP(c8); STEP(c9); STEP(c10); STEP(c11);
  }
  const double time = seconds() - start;
  use(c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11);
  return 2.0 * LANES * CHAINS * steps / time;
}

static double bytes_per_second(const vector *data, size_t count, long passes) {
  vector s0 = {}, s1 = {}, s2 = {}, s3 = {}, s4 = {}, s5 = {}, s6 = {}, s7 = {};
  const double start = seconds();
  for (long pass = 0; pass < passes; pass++) {
    for (size_t i = 0; i < count; i += 8) {
      s0 += data[i]; s1 += data[i + 1]; s2 += data[i + 2]; s3 += data[i + 3];
      s4 += data[i + 4]; s5 += data[i + 5]; s6 += data[i + 6]; s7 += data[i + 7];
    }
    __asm__ volatile("" ::: "memory");
  }
  const double time = seconds() - start;
  use(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7);
  return (double)count * sizeof(vector) * passes / time;
}

int main(int argc, char **argv) {
  double best = 0;
  for (int i = 0; i < RUNS; i++) {
    const double rate = operations_per_second(2000000);
    if (rate > best) best = rate;
  }
  printf("{\"operations_per_second\": %.4g, \"bytes_per_second\": {", best);
  for (int arg = 1; arg < argc; arg++) {
    const size_t block = 8 * sizeof(vector), bytes = (strtoul(argv[arg], NULL, 10) + block - 1) / block * block;
    vector *data = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    if (!data || !bytes) return 1;
    for (size_t i = 0; i < bytes / sizeof(vector); i++) data[i] = (vector){} + 1e-9f;
    const long passes = 1 + 100000000 / bytes;
    best = 0;
    for (int i = 0; i < RUNS; i++) {
      const double rate = bytes_per_second(data, bytes / sizeof(vector), passes);
      if (rate > best) best = rate;
    }
    printf("%s\"%s\": %.4g", arg > 1 ? ", " : "", argv[arg], best);
    free(data);
  }
  puts("}}");
  return 0;
}
