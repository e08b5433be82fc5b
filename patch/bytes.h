/* bytes.h - numbers as files hold them, at any address. */
#ifndef PATCH_BYTES_H
#define PATCH_BYTES_H

#include <stdint.h>

static inline uint32_t patch_big32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint32_t patch_little32(const unsigned char *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline unsigned patch_big16(const unsigned char *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static inline unsigned patch_little16(const unsigned char *p)
{
    return (unsigned)p[1] << 8 | p[0];
}

#endif
