/* One fetch, for this room: from its URL to its response, a hop at a time. All of it on the net's thread. */
#ifndef BH_NET_FETCH_H
#define BH_NET_FETCH_H

#include <curl/curl.h>
#include <stdatomic.h>

#include "net/names.h"
#include "net/net.h"

/* Where a header is in the text of all. */
typedef struct {
	uint32_t name, name_length, value, value_length;
} bh_header_place;

struct bh_fetch {
	bh_net *net;
	bh_net_request request;
	struct bh_fetch *next, *previous; /* among those that wait, or run */
	_Atomic bool cancelled;
	uint64_t deadline;

	/* The hop. */
	CURL *easy;
	CURLU *url;
	struct curl_slist *sent;
	const char *method;
	bool bodiless; /* a redirect made it a GET */
	uint32_t redirects;
	char *origin; /* of the first: what is secret goes nowhere else */
	bool refused; /* an address */

	/* The name of the hop's host, and what it leads to. */
	char *host; /* NULL: it is an address, or a proxy's affair */
	uint16_t port;
	bh_lookup *lookup; /* under way */
	CURLSH *known;     /* what libcurl knows of names: this one's, and for this fetch alone */
	struct curl_slist *leads_to;

	/* The response. */
	bh_fetch_outcome spoiled; /* why a callback stopped it */
	char *head;
	size_t head_length, head_capacity;
	uint64_t head_bytes; /* of all hops */
	bh_header_place *places;
	size_t place_count, place_capacity;
	bool body_began;
	uint8_t *body;
	size_t body_length, body_capacity;
};

/* What every fetch is bounded by. */
typedef struct {
	bh_net_bounds bounds;
	char *ca_file;
} bh_fetch_terms;

/* Begin the next hop: `text` is where. Anything but OK is the end; `why` says more. */
bh_fetch_outcome bh_fetch_begin(bh_fetch *fetch, const bh_fetch_terms *terms, const char *text, char why[160]);

/* It was found out where the host's name leads: now the hop can go on. False without memory. */
bool bh_fetch_resolved(bh_fetch *fetch, const char *addresses);

/*
 * A hop is over. OK: the response is there. BH_FETCH_CANCELLED with *next: the fetch goes on there, and `next` is to be
 * freed.
 */
bh_fetch_outcome bh_fetch_step(bh_fetch *fetch, CURLcode code, char **next, char why[160]);

/* Tell the end, and free all. The fetch runs no more. */
void bh_fetch_over(bh_fetch *fetch, bh_fetch_outcome outcome, const char *why);
void bh_fetch_free(bh_fetch *fetch);

/* The headers a request sends (headers.c). INVALID with `why`; NO_MEMORY. */
bh_fetch_outcome bh_headers_make(struct curl_slist **out, const bh_fetch *fetch, bool same_origin, char why[160]);

/* Whether a text is a token, as methods and names of headers are. */
bool bh_is_token(const char *text, size_t length);

/* Callbacks that fill a response (response.c). */
size_t bh_take_header(char *line, size_t one, size_t length, void *data);
size_t bh_take_body(char *bytes, size_t one, size_t length, void *data);

#endif
