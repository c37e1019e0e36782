/** What every public header needs: linkage, attributes, forward declarations of the handles. */
#ifndef BULKHEAD_BASE_H
#define BULKHEAD_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define BH_BEGIN extern "C" {
#define BH_END }
#else
#define BH_BEGIN
#define BH_END
#endif

#if defined(__GNUC__)
#define BH_API __attribute__((visibility("default")))
#define BH_MUST_USE __attribute__((warn_unused_result))
#define BH_PRINTF(format_, first_) __attribute__((format(printf, format_, first_)))
#else
#define BH_API
#define BH_MUST_USE
#define BH_PRINTF(format_, first_)
#endif

/*
 * Initialisers of option structs: everything zero but the size, without warnings about what is not named.
 */
#ifdef __cplusplus
template <class T> inline T bh_sized()
{
	T value = T();
	value.struct_size = sizeof(T);
	return value;
}
#define BH_SIZED(type) bh_sized<type>()
#else
#define BH_SIZED(type) {.struct_size = sizeof(type)}
#endif

/** "No limit", said explicitly: a zero in an option struct means the default instead. */
#define BH_UNLIMITED UINT64_MAX

#define BH_KIB(n) ((uint64_t)(n) << 10)
#define BH_MIB(n) ((uint64_t)(n) << 20)
#define BH_GIB(n) ((uint64_t)(n) << 30)

typedef struct bh_cancel bh_cancel;
typedef struct bh_completion bh_completion;
typedef struct bh_component bh_component;
typedef struct bh_error bh_error;
typedef struct bh_export bh_export;
typedef struct bh_host bh_host;
typedef struct bh_imports bh_imports;
typedef struct bh_instance bh_instance;
typedef struct bh_interceptors bh_interceptors;
typedef struct bh_manifest bh_manifest;
typedef struct bh_permissions bh_permissions;
typedef struct bh_resource bh_resource;
typedef struct bh_resource_type bh_resource_type;
typedef struct bh_type bh_type;

#endif
