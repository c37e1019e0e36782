#include "base/hash.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <unistd.h>

#include "base/alloc.h"

_Static_assert(BH_HASH == crypto_hash_sha256_BYTES && BH_HASH == crypto_generichash_BYTES, "one size serves both");
_Static_assert(sizeof(bh_hash) >= sizeof(crypto_generichash_state), "room for its state");

/* Initialised, the library takes the implementation for this CPU. That costs more than it saves on a few bytes. */
enum { WORTH_IT = 16384 };

/* At once, of a file. */
enum { CHUNK = 256 * 1024 };

static void initialise(void)
{
	(void)!sodium_init();
}

static void prepare(size_t length)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	if (length >= WORTH_IT)
		pthread_once(&once, initialise);
}

void bh_hash_sha256(uint8_t out[BH_HASH], const void *data, size_t length)
{
	prepare(length);
	crypto_hash_sha256(out, data, length);
}

void bh_hash_blake2(uint8_t out[BH_HASH], const void *data, size_t length)
{
	prepare(length);
	crypto_generichash(out, BH_HASH, data, length, NULL, 0);
}

void bh_hash_begin(bh_hash *hash)
{
	prepare(WORTH_IT);
	crypto_generichash_init((crypto_generichash_state *)hash, NULL, 0, BH_HASH);
}

void bh_hash_add(bh_hash *hash, const void *data, size_t length)
{
	crypto_generichash_update((crypto_generichash_state *)hash, data, length);
}

void bh_hash_end(bh_hash *hash, uint8_t out[BH_HASH])
{
	crypto_generichash_final((crypto_generichash_state *)hash, out, BH_HASH);
}

bh_hashed bh_hash_file(uint8_t out[BH_HASH], int fd, uint64_t at, uint64_t length)
{
	BH_AUTO(bh_free) void *chunk = bh_alloc(CHUNK);
	bh_hash hash;
	if (!chunk) {
		errno = ENOMEM;
		return BH_HASH_UNREAD;
	}
	bh_hash_begin(&hash);
	while (length) {
		ssize_t n = pread(fd, chunk, length < CHUNK ? length : CHUNK, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return n < 0 ? BH_HASH_UNREAD : BH_HASH_SHORT;
		bh_hash_add(&hash, chunk, (size_t)n);
		at += (uint64_t)n;
		length -= (uint64_t)n;
	}
	bh_hash_end(&hash, out);
	return BH_HASH_DONE;
}

void bh_hash_text(char out[BH_HASH_TEXT], const uint8_t hash[BH_HASH])
{
	sodium_bin2hex(out, BH_HASH_TEXT, hash, BH_HASH);
}
