#include "cache/codes.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/io.h"

/* Files whose digest is remembered; the oldest gives its place to the next. */
enum { FILES = 256 };

typedef struct {
	bh_identity identity;
	uint8_t hash[BH_HASH];
} known_file;

/* Code that is here, or that somebody is about to bring. */
typedef struct entry {
	struct entry *next;
	bh_variant *variant;
	uint8_t hash[BH_HASH];
	bh_linking linking;
	bool wrap;  /* it may be a core module, for the one who brings it */
	bool ready; /* or failed; false: it is being made */
	uint32_t waiting;
	bh_code *code; /* NULL: it could not be made */
	bh_status status;
	char *message, *hint; /* why not, for those who waited */
	uint64_t used;
	size_t size;
} entry;

struct bh_codes {
	bh_cache *disk;
	pthread_mutex_t lock;
	pthread_cond_t made;
	entry *entries;
	uint32_t count;
	uint64_t bytes;
	uint64_t uses;
	known_file *files;
	uint32_t file_count, next_file;
};

/* A mistake in cache.toml is worth a warning, not a program. */
static void complain_of_settings(bh_cache *cache, const bh_error *why)
{
	const bh_location *where = why ? bh_error_location(why) : NULL;
	BH_AUTO(bh_free)
	char *text = where && where->file ? bh_format("%s:%" PRIu32 ":%" PRIu32 ": %s", where->file, where->line,
	                                              where->column, bh_error_message(why))
	                                  : NULL;
	bh_cache_complain(cache, text ? text : why ? bh_error_message(why) : "its settings are wrong", 0);
}

bh_status bh_codes_new(bh_codes **out, const bh_cache_options *options, bh_cache_warn *warn, void *data, bh_error **err)
{
	bh_codes *codes = bh_calloc(1, sizeof *codes);
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	if (!codes || !(codes->files = bh_calloc(FILES, sizeof *codes->files))) {
		bh_free(codes);
		return bh_fail_memory(err);
	}
	pthread_mutex_init(&codes->lock, NULL);
	pthread_cond_init(&codes->made, NULL);
	bh_status status = bh_cache_new(&codes->disk, options, warn, data, &why);
	if (status && !codes->disk) {
		bh_codes_free(codes);
		return bh_fail_memory(err);
	}
	if (status)
		complain_of_settings(codes->disk, why);
	*out = codes;
	return BH_OK;
}

static void entry_free(entry *e)
{
	bh_code_free(e->code);
	bh_free(e->message);
	bh_free(e->hint);
	bh_free(e);
}

void bh_codes_free(bh_codes *codes)
{
	if (!codes)
		return;
	for (entry *e; (e = codes->entries);) {
		codes->entries = e->next;
		entry_free(e);
	}
	bh_cache_close(codes->disk);
	pthread_cond_destroy(&codes->made);
	pthread_mutex_destroy(&codes->lock);
	bh_free(codes->files);
	bh_free(codes);
}

/* Sources. */

void bh_source_deinit(bh_source *source)
{
	bh_free(BH_TAKE(source->read));
	if (source->is_artifact)
		bh_close_auto(&source->artifact.fd);
}

static void identify(bh_source *source)
{
	struct stat info;
	source->identified = source->path && stat(source->path, &info) == 0 && S_ISREG(info.st_mode);
	if (source->identified)
		source->identity = bh_identity_of(&info);
}

static bool recall(bh_codes *codes, bh_source *source)
{
	bool found = false;
	pthread_mutex_lock(&codes->lock);
	for (uint32_t i = 0; i < codes->file_count && !found; i++)
		if (bh_identity_same(&codes->files[i].identity, &source->identity)) {
			memcpy(source->hash, codes->files[i].hash, BH_HASH);
			found = true;
		}
	pthread_mutex_unlock(&codes->lock);
	return found;
}

static void remember(bh_codes *codes, const bh_source *source)
{
	if (!source->identified || bh_identity_young(&source->identity))
		return;
	pthread_mutex_lock(&codes->lock);
	known_file *place = &codes->files[codes->next_file];
	codes->next_file = (codes->next_file + 1) % FILES;
	if (codes->file_count < FILES)
		codes->file_count++;
	place->identity = source->identity;
	memcpy(place->hash, source->hash, BH_HASH);
	pthread_mutex_unlock(&codes->lock);
}

/* The bytes, read and hashed. A file that changes while it is read is as good as any, but nothing is noted of it. */
static bh_status read_source(bh_codes *codes, bh_source *source, bh_error **err)
{
	if (source->path && !source->read) {
		bh_identity before = source->identity;
		bool identified = source->identified && !bh_identity_young(&before);
		bh_status status = bh_file_read(&source->read, &source->length, source->path, source->max, err);
		if (status)
			return status;
		source->bytes = source->read;
		identify(source);
		source->identified &= identified && bh_identity_same(&before, &source->identity);
	}
	bh_hash_sha256(source->hash, source->bytes, source->length);
	source->hashed = true;
	source->hash_given = false;
	if (source->identified) {
		remember(codes, source);
		bh_cache_note(codes->disk, &source->identity, source->hash);
	}
	return BH_OK;
}

/* The digest, if it can be had without reading: given, or noted of a file that did not change. */
static bh_status find_hash(bh_codes *codes, bh_source *source, bh_error **err)
{
	if (source->path && !source->is_artifact && bh_ahead_named(source->path)) {
		bh_status status = bh_ahead_open(&source->artifact, source->path, source->trusted_key, codes->disk, err);
		if (status)
			return status;
		/* Its own digest, so that it is not taken for what another engine made of the same source. */
		memcpy(source->hash, source->artifact.record.checksum, BH_HASH);
		source->is_artifact = source->hashed = true;
	}
	if (source->hashed || source->hash_given)
		return BH_OK;
	identify(source);
	if (source->identified && recall(codes, source)) {
		source->hashed = true;
	} else if (source->identified && bh_cache_recall(codes->disk, &source->identity, source->hash)) {
		source->hashed = true;
		remember(codes, source);
	}
	return source->hashed ? BH_OK : read_source(codes, source, err);
}

/* Entries. With the lock held. */

static entry *find_entry(bh_codes *codes, const bh_variant *variant, const uint8_t hash[BH_HASH], bh_linking linking)
{
	for (entry *e = codes->entries; e; e = e->next)
		if (e->variant == variant && e->linking == linking && !memcmp(e->hash, hash, BH_HASH))
			return e;
	return NULL;
}

static void unlink_entry(bh_codes *codes, const entry *gone)
{
	entry **link = &codes->entries;
	while (*link != gone)
		link = &(*link)->next;
	*link = gone->next;
	codes->count--;
	codes->bytes -= gone->size;
}

static bool over_bounds(const bh_codes *codes)
{
	const bh_cache_settings *settings = &codes->disk->settings;
	return codes->count > settings->memory_entries || codes->bytes > settings->memory_bytes;
}

/* The least recently used go, whoever still holds their code. */
static entry *evict(bh_codes *codes, const entry *newest)
{
	entry *gone = NULL;
	while (over_bounds(codes)) {
		entry *oldest = NULL;
		for (entry *e = codes->entries; e; e = e->next)
			if (e != newest && e->ready && !e->waiting && (!oldest || e->used < oldest->used))
				oldest = e;
		if (!oldest)
			break;
		unlink_entry(codes, oldest);
		oldest->next = gone;
		gone = oldest;
	}
	return gone;
}

static void free_all(entry *gone)
{
	for (entry *next; gone; gone = next) {
		next = gone->next;
		entry_free(gone);
	}
}

/* Bringing code. */

typedef struct {
	bh_codes *codes;
	bh_variant *variant;
	bh_source *source;
	const bh_code_options *options;
	bh_code_history *history;
} request;

static bh_status compile(const request *r, bh_code **out, bh_error **err)
{
	bh_source *source = r->source;
	if ((source->path && !source->read) || !source->hashed) {
		/* What the digest was recalled for may be something else by now; and what is kept must be what it says. */
		bh_status status = read_source(r->codes, source, err);
		if (status)
			return status;
	}
	uint64_t start = bh_now();
	bh_status status = source->isolated
	                       ? bh_isolated_compile(out, r->variant, source->bytes, source->length, source->hash,
	                                             r->options, &source->isolation, err)
	                       : bh_code_compile(out, r->variant, source->bytes, source->length, r->options, err);
	r->history->compile_ns = bh_now() - start;
	r->history->origin = BH_CODE_COMPILED;
	if (status || bh_code_describe(*out)->no_slot || !bh_cache_on(r->codes->disk))
		return status;
	start = bh_now();
	bh_cache_keep(r->codes->disk, *out, r->variant, source->hash, source->name);
	r->history->keep_ns = bh_now() - start;
	return BH_OK;
}

static bh_status bring(const request *r, bh_code **out, bh_error **err)
{
	if (r->source->is_artifact) {
		r->history->origin = BH_CODE_FROM_DISK;
		return bh_ahead_map(out, &r->source->artifact, r->variant, r->source->path, r->options->linking, err);
	}
	bh_status status = bh_cache_find(r->codes->disk, out, r->variant, r->source->hash, r->options, err);
	if (*out)
		r->history->origin = BH_CODE_FROM_DISK;
	return status || *out ? status : compile(r, out, err);
}

/* The one who found nothing brings it, and tells those who came meanwhile. */
static bh_status lead(const request *r, entry *mine, bh_code **out, bh_error **err)
{
	bh_codes *codes = r->codes;
	BH_AUTO(bh_error_free) bh_error *why = NULL;
	bh_code *code = NULL;
	bh_status status = bring(r, &code, &why);
	pthread_mutex_lock(&codes->lock);
	/* The bytes may be others than the digest said; then nobody else is to have them under it. */
	bool same = !memcmp(mine->hash, r->source->hash, BH_HASH);
	mine->ready = true;
	mine->status = status;
	mine->code = code && same ? bh_code_ref(code) : NULL;
	mine->size = code && same ? bh_code_size(code) : 0;
	mine->message = why && mine->waiting ? bh_strdup(bh_error_message(why)) : NULL;
	mine->hint = why && mine->waiting && bh_error_hint(why) ? bh_strdup(bh_error_hint(why)) : NULL;
	codes->bytes += mine->size;
	bool keep = mine->code && !bh_code_describe(mine->code)->no_slot;
	if (!keep)
		unlink_entry(codes, mine);
	entry *gone = evict(codes, keep ? mine : NULL);
	if (!keep && !mine->waiting) {
		mine->next = gone;
		gone = mine;
	}
	pthread_cond_broadcast(&codes->made);
	pthread_mutex_unlock(&codes->lock);
	free_all(gone);
	*out = code;
	if (status && err)
		*err = BH_TAKE(why);
	return status;
}

/* Wait for the one who brings it. BH_OK with NULL: try again. With the lock held, but not while asleep. */
static bh_status follow(bh_codes *codes, entry *theirs, bool wrap, bh_code **out, bh_error **err)
{
	theirs->waiting++;
	while (!theirs->ready)
		pthread_cond_wait(&codes->made, &codes->lock);
	/* A module was refused to the one who may not wrap it; to us it need not be. */
	bool again = theirs->status == BH_E_NOT_A_COMPONENT && wrap && !theirs->wrap;
	bh_status status = again ? BH_OK : theirs->status;
	if (theirs->code)
		*out = bh_code_ref(theirs->code);
	else if (status) {
		bh_error *e = bh_error_begin(err, status, "%s", theirs->message ? theirs->message : bh_status_text(status));
		if (theirs->hint)
			bh_error_hint_set(e, "%s", theirs->hint);
	}
	bool last = --theirs->waiting == 0;
	if (last && find_entry(codes, theirs->variant, theirs->hash, theirs->linking) != theirs)
		entry_free(theirs);
	return status;
}

static entry *make_entry(bh_codes *codes, const request *r)
{
	entry *e = bh_calloc(1, sizeof *e);
	if (!e)
		return NULL;
	e->variant = r->variant;
	e->linking = r->options->linking;
	e->wrap = r->options->wrap;
	memcpy(e->hash, r->source->hash, BH_HASH);
	e->next = codes->entries;
	codes->entries = e;
	codes->count++;
	return e;
}

/* One try: the code, or NULL where what was waited for was something else. */
static bh_status get_once(const request *r, bh_code **out, bh_error **err)
{
	bh_codes *codes = r->codes;
	bh_status status = find_hash(codes, r->source, err);
	if (status)
		return status;
	pthread_mutex_lock(&codes->lock);
	entry *e = find_entry(codes, r->variant, r->source->hash, r->options->linking);
	if (e) {
		r->history->origin = BH_CODE_FROM_MEMORY;
		e->used = ++codes->uses;
		status = follow(codes, e, r->options->wrap, out, err);
		pthread_mutex_unlock(&codes->lock);
		if (!*out || !bh_code_describe(*out)->wrapped || r->options->wrap || r->source->is_artifact)
			return status;
		bh_code_free(BH_TAKE(*out));
		return compile(r, out, err); /* which says how to wrap it */
	}
	e = make_entry(codes, r);
	if (e)
		e->used = ++codes->uses;
	pthread_mutex_unlock(&codes->lock);
	return e ? lead(r, e, out, err) : bh_fail_memory(err);
}

bh_status bh_codes_get(bh_codes *codes, bh_code **out, bh_variant *variant, bh_source *source,
                       const bh_code_options *options, bh_code_history *history, bh_error **err)
{
	const request r = {codes, variant, source, options, history};
	uint64_t start = bh_now();
	bh_code *code = NULL;
	bh_status status = BH_OK;
	*history = (bh_code_history){0};
	while (!status && !code)
		status = get_once(&r, &code, err);
	history->find_ns = bh_now() - start - history->compile_ns - history->keep_ns;
	if (!status)
		*out = code;
	return status;
}
