/* What the command says: messages on stderr, results on stdout. */
#ifndef BH_CLI_OUTPUT_H
#define BH_CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

/* Everything on stderr but the one line of an error is left out from here on. */
void output_be_quiet(void);

/* An error's one line: "bulkhead: SUBJECT: message"; without a subject where that is NULL. */
void say_error(const char *subject, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* That line, to be written later; to be freed. */
char *output_error_line(const char *subject, const char *message);

/* The same for what is no error. */
void say_remark(const char *subject, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Lines that belong to the one before: each is indented by two columns. */
void say_more(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A usage error: one line, and where to read on. Returns EXIT_USAGE. */
int say_usage_error(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A result line on stdout, made safe for terminals (text_clean); no newline is added. */
void put(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for one long line, newline included. */
void put_line(const char *line);

/* A line for machines, as it is. */
void output_line(FILE *stream, const char *line);

/* "" or the sequence, as colour is wanted on that stream. */
typedef enum { STYLE_BOLD, STYLE_ERROR, STYLE_WARNING, STYLE_OFF } output_style;
const char *output_style_on(FILE *stream, output_style style);

/*
 * Flush stdout and see that everything arrived. Returns `exit_code`, or EXIT_INTERNAL where it did not; a
 * reader who went away early (EPIPE) is not worth a message.
 */
int output_finish(int exit_code);

#endif
