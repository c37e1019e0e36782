/* Digests: SHA-256 where others know the number too, BLAKE2b where only we compare. */
#ifndef BH_BASE_HASH_H
#define BH_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { BH_HASH = 32, BH_HASH_TEXT = 2 * BH_HASH + 1 };

/* SHA-256 of bytes. */
void bh_hash_sha256(uint8_t out[BH_HASH], const void *data, size_t length);

/* BLAKE2b-256 of bytes: for checksums and seals. */
void bh_hash_blake2(uint8_t out[BH_HASH], const void *data, size_t length);

/* The same of what comes in pieces. */
typedef struct {
	_Alignas(64) unsigned char state[384];
} bh_hash;

void bh_hash_begin(bh_hash *hash);
void bh_hash_add(bh_hash *hash, const void *data, size_t length);
void bh_hash_end(bh_hash *hash, uint8_t out[BH_HASH]);

/* The same of so many bytes of a file from `at` on, whatever its position. */
typedef enum {
	BH_HASH_DONE,
	BH_HASH_SHORT, /* the file ends before; errno is EIO */
	BH_HASH_UNREAD /* it could not be read: errno says why, ENOMEM where there is no memory for it */
} bh_hashed;
bh_hashed bh_hash_file(uint8_t out[BH_HASH], int fd, uint64_t at, uint64_t length);

/* In lower-case hexadecimal digits, NUL-terminated. */
void bh_hash_text(char out[BH_HASH_TEXT], const uint8_t hash[BH_HASH]);

#endif
