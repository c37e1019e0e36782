/*
 * systemd's protocols, as its manual pages document them (sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3)): a datagram,
 * and a few variables. libsystemd would bring liblzma, zstd and libgcrypt along for them.
 */
#ifndef BH_SERVE_NOTIFY_H
#define BH_SERVE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Read the variables, once, while there is one thread; they are removed, so that nobody below takes them for its own. */
void notify_begin(void);

/* Send "READY=1" and the like, lines apart; nothing where nobody asked for it. */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What is under way may take so long from now: systemd's own patience counts where it is more. */
void notify_extend(uint64_t ms);

/* "RELOADING=1" with the moment, which systemd wants to know. */
void notify_reloading(void);

/* How often the watchdog wants to hear of us, in ms: half of what it allows. 0: never. */
uint64_t notify_watchdog_ms(void);

/* The listening socket of that name that was handed over, taken once; -1: none. `unix_socket`: of which kind. */
int notify_take_socket(const char *name, bool unix_socket);

#endif
