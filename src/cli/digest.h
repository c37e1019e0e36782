/* SHA-256: names a component by its bytes, as the inspect command shows it. */
#ifndef BH_CLI_DIGEST_H
#define BH_CLI_DIGEST_H

#include <stddef.h>

enum { DIGEST_TEXT = 65 };

/* The digest in hexadecimal, NUL-terminated. */
void digest_sha256(char out[DIGEST_TEXT], const void *data, size_t length);

#endif
