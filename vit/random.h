/* random.h - counter-based random numbers.
 *
 * A number is a pure function of a key and a counter, so neither the number of
 * threads nor the order of the draws (nor the norm placement) changes a stream.
 * Keys are folded from what identifies a draw: (seed, epoch, sample, purpose). */
#ifndef VIT_RANDOM_H
#define VIT_RANDOM_H

#include <math.h>
#include <stdint.h>

/* Finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection of 64 bits. */
static inline uint64_t vit_mix64(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* A key for one more identifying number: fold(fold(seed, epoch), sample). */
static inline uint64_t vit_key(uint64_t key, uint64_t part)
{
    return vit_mix64(key ^ vit_mix64(part));
}

static inline uint64_t vit_random_u64(uint64_t key, uint64_t counter)
{
    return vit_mix64(key + vit_mix64(counter));
}

/* Uniform in [0, 1), 24 bits: exact in float. */
static inline float vit_random_uniform(uint64_t key, uint64_t counter)
{
    return (float)(vit_random_u64(key, counter) >> 40) * 0x1p-24f;
}

/* Uniform integer in [0, n), n > 0. The bias, n / 2^64, is far below any use here. */
static inline uint64_t vit_random_below(uint64_t key, uint64_t counter, uint64_t n)
{
    return (uint64_t)(((unsigned __int128)vit_random_u64(key, counter) * n) >> 64);
}

/* Standard normal, Box and Muller 1958; uses counters 2c and 2c + 1. */
static inline double vit_random_normal(uint64_t key, uint64_t counter)
{
    double u = (double)((vit_random_u64(key, 2 * counter) >> 11) + 1) * 0x1p-53; /* (0, 1] */
    double v = (double)(vit_random_u64(key, 2 * counter + 1) >> 11) * 0x1p-53;

    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

#endif
