/* The doctor's examinations. A new one is a row in doctor.c. */
#ifndef BH_CLI_DOCTOR_H
#define BH_CLI_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

typedef enum { FINDING_OK, FINDING_WARNING, FINDING_FAILURE } finding_state;

typedef struct {
	finding_state state;
	char *value;  /* what was found; to be freed with x_free() */
	char *advice; /* what that means and what to do; NULL if all is well; to be freed */
} finding;

typedef struct {
	const char *name; /* "engine" */
	finding (*examine)(void);
} examination;

/* NULL past the end. */
const examination *examination_at(size_t index);

#endif
