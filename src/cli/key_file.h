/* Keys in files: one line each, so that they can be pasted and kept. */
#ifndef BH_CLI_KEY_FILE_H
#define BH_CLI_KEY_FILE_H

#include <bulkhead.h>

typedef enum { KEY_PUBLIC, KEY_SECRET } key_kind;

/* Read a key file: 0, or an exit code after a message. A secret key that others may read is refused. */
int key_read(uint8_t *out, key_kind kind, const char *path);

/* Write one, that must not exist yet; a secret one for its owner alone. */
int key_write(const uint8_t *key, key_kind kind, const char *path);

#endif
