#include "digest.h"

#include <sodium.h>

void digest_sha256(char out[DIGEST_TEXT], const void *data, size_t length)
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256(digest, data, length);
	sodium_bin2hex(out, DIGEST_TEXT, digest, sizeof digest);
}
