#!/usr/bin/env bash
# test: timeout=120
# bulkhead bindgen: headers that every compiler takes, the same each time, written whole or not at all; and WIT that is wrong
# or hostile, which is an error with its place.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
include="$(dirname "$TESTS")/include"
wit="$(dirname "$TESTS")/wit/guests"

# compiles HEADER [gcc]: as C and as C++, with all compilers or one family; `before` are headers it comes behind
before=()
compiles() {
	local header="$PWD/$1" flags=(-Wall -Wextra -Wshadow -pedantic -Werror -I "$include" -fsyntax-only)
	{
		[ "${#before[@]}" = 0 ] || printf '#include <%s>\n' "${before[@]}"
		printf '#include "%s"\n#include "%s"\n' "$header" "$header"
	} >unit.c
	gcc -std=c11 "${flags[@]}" -x c unit.c || fail "$1 does not compile"
	g++ -std=c++17 "${flags[@]}" -x c++ unit.c || fail "$1 does not compile as C++"
	[ -z "${2:-}" ] && command -v clang++ >/dev/null || return 0
	clang -std=c11 "${flags[@]}" -x c unit.c || fail "$1 does not compile with clang"
	clang++ -std=c++17 "${flags[@]}" -x c++ unit.c || fail "$1 does not compile as C++ with clang"
}

# Headers.
for world in empty.wit odd.wit two-versions; do
	run bindgen "$TESTS/wit/$world"
	expect_exit 0
	expect_no_err
	cp out header.h
	compiles header.h
	run bindgen "$TESTS/wit/$world" --output again.h
	expect_exit 0
	expect_no_out
	cmp -s header.h again.h || fail "$world: not the same a second time"
done
# Behind headers that make macros and types of its names; with comments that are none.
before=(assert.h errno.h fcntl.h math.h netdb.h netinet/in.h setjmp.h signal.h stdarg.h stdio.h sys/select.h sys/stat.h
	sys/sysmacros.h sys/types.h)
run bindgen "$TESTS/wit/macros.wit" -o macros.h
expect_exit 0
compiles macros.h
run bindgen --async all "$TESTS/wit/macros.wit" -o macros.h
expect_exit 0
compiles macros.h gcc
before=()
! grep -q '^[^*]*evil' macros.h || fail 'a comment became code'
grep -q 'int evil' macros.h || fail 'the comment is not there'
run bindgen --async all --prefix p1 -o odd.h "$TESTS/wit/odd.wit"
expect_exit 0
compiles odd.h
run bindgen -w relay "$wit/calc"
expect_exit 0
cp out relay.h
compiles relay.h
grep -q 'relay_roundtrip_roundtrip_list_u8(const relay_exports \*x, bh_instance \*on, bh_bytes v, bh_bytes \*result' relay.h ||
	fail 'names and types of a function'

# What is handed over in place needs no conversion of its own, and nothing on the way in that allocates.
awk '/^static inline.* relay_roundtrip_roundtrip_string\(/ { show = 1 } show { print } /^}/ { show = 0 }' relay.h >thunk
grep -q bh_of_string_n thunk || fail 'a string is not packed in place'
! grep -q bh_scope thunk || fail 'a string takes a scope'

# Components have worlds too, of the file's name; what the library provides is not asked for.
guest relay.wasm hello.wasm hello.core.wasm
run bindgen relay.wasm
expect_exit 0
expect_out_has 'bh_status (*roundtrip_roundtrip_bool)(const relay_imports *host, bool v, bool *result, bh_error **err);'
expect_out_lacks 'wasi:'
cp out component.h
compiles component.h gcc
run bindgen hello.wasm
expect_exit 0
expect_out_lacks 'hello_imports'
expect_out_has 'hello_exports_prepare'
run bindgen hello.core.wasm
expect_exit 65
expect_err_has 'core WebAssembly module'

# A C++ program that serves one import and calls the export. With sanitizers it would need their flags.
if [ -z "${ASAN_OPTIONS:-}${TSAN_OPTIONS:-}" ]; then
	guest shop.wasm
	run bindgen "$(dirname "$TESTS")/examples/typed-calls/shop.wit" -o shop.h
	expect_exit 0
	cat >program.cpp <<'PROGRAM'
#include "shop.h"
#include <cstdio>
#include <vector>

static bh_status find(const shop_imports *host, bh_string name, shop_option_stock_item *result, bh_error **)
{
	result->some = name.length == 5;
	result->value.price = *static_cast<const uint32_t *>(host->data);
	result->value.left = 10;
	return BH_OK;
}

int main()
{
	uint32_t price = 7;
	shop_imports functions = shop_imports();
	functions.data = &price;
	functions.stock_find = find;
	bh_error *err = nullptr;
	bh_host *host = nullptr;
	bh_imports *imports = nullptr;
	bh_component *shop = nullptr;
	shop_exports exports = shop_exports();
	std::vector<shop_line> lines(2);
	lines[0].name = bh_string_lend("apple");
	lines[0].count = 3;
	lines[1].name = bh_string_lend("melon");
	lines[1].count = 2;
	shop_list_line order = {lines.data(), lines.size()};
	shop_result_u32_refusal answer, refusal;
	bh_component_options options = BH_COMPONENT_OPTIONS_INIT;
	options.limits.memory = BH_MIB(16);
	if (bh_host_new(&host, nullptr, &err) || bh_imports_new(&imports, &err) ||
	    shop_imports_define(imports, &functions, &err) || !(options.imports = imports) ||
	    bh_component_load_file(&shop, host, "shop.wasm", &options, &err) ||
	    shop_exports_prepare(&exports, shop, &err) || shop_quote(&exports, nullptr, &order, &answer, &err))
		return std::puts(bh_error_message(err)), 1;
	lines[1].count = 11;
	if (shop_quote(&exports, nullptr, &order, &refusal, &err))
		return 1;
	std::printf("%d %u, %d %d %s %u\n", answer.is_err, answer.as.ok, refusal.is_err, refusal.as.err.tag,
	            refusal.as.err.as.sold_out.name.data, refusal.as.err.as.sold_out.count);
	shop_result_u32_refusal_free(&refusal);
	shop_exports_release(&exports);
	bh_component_unref(shop);
	bh_imports_free(imports);
	bh_host_free(host);
}
PROGRAM
	g++ -std=c++17 -Wall -Wextra -pedantic -Werror -I "$include" -I . program.cpp -o program "$BUILD/lib/libbulkhead.so" \
		-Wl,-rpath,"$BUILD/lib" || fail 'the program does not link'
	[ "$(BULKHEAD_CACHE=0 ./program)" = '0 35, 1 1 melon 11' ] || fail "the program says $(BULKHEAD_CACHE=0 ./program)"
fi

# Use.
run bindgen
expect_usage bindgen
run bindgen a b
expect_usage bindgen
run bindgen "$wit/calc"
expect_exit 65
expect_err_has 'acme:calc/relay@1.0.0'
run bindgen -w nothing "$wit/calc"
expect_exit 65
for prefix in bh bh_x 9 A 'a b' x_ ''; do
	run bindgen -p "$prefix" "$TESTS/wit/empty.wit"
	expect_usage bindgen
done
run bindgen --async nothing "$TESTS/wit/odd.wit"
expect_usage bindgen
expect_err_has 'imports no such function'
run bindgen missing.wit
expect_exit 66

# Whole or not at all.
echo before >kept.h
printf 'package a:b;\nworld w { import x: func(a: nope); }\n' >wrong.wit
run bindgen wrong.wit -o kept.h
expect_exit 65
expect_no_out
[ "$(cat kept.h)" = before ] || fail 'the file that was there'
run bindgen "$TESTS/wit/empty.wit" -o nowhere/x.h
expect_exit 70
run bindgen "$TESTS/wit/empty.wit" -o .
expect_exit 70
run bindgen "$TESTS/wit/empty.wit" -o /dev/full
expect_exit 70
[ -z "$(find . -name '*.h.*')" ] || fail 'something is left beside it'

# wrong CONTENT TEXT...: it is refused with these words
wrong() {
	printf '%s' "$1" >bad.wit
	shift
	run bindgen bad.wit -o never.h
	expect_exit 65
	expect_no_out
	[ ! -e never.h ] || fail 'a header of nothing'
	local text
	for text in "$@"; do expect_err_has "$text"; done
}
i='package a:b; world w { export i; }'
wrong 'package a:b;
interface i {
  f: func(a: u32) -> strin g;
}' 'bad.wit:3:28: ' 'strin g;' '^'
wrong '' 'package'
wrong 'world w {}' 'package'
wrong "$i interface i { use j.{y}; type x = y; } interface j { use i.{x}; type y = x; }" 'depends on itself'
wrong "$i interface i { record r { next: option<r> } }" 'depends on itself'
wrong 'package a:b; world w { include x; } world x { include w; }' 'depends on itself'
wrong "$i interface i { f: func() -> future<u32>; }" 'i#f: the type future is not supported'
wrong "$i interface i { f: async func(); }" 'async'
wrong $'package a:b; world w { import x: func(\xff: u32); }' 'utf-8'
wrong $'package a:b; \x1b[31m world w {}'
expect_err_lacks $'\x1b'
run bindgen /dev/zero
expect_exit 65
expect_err_has 'is no file'
mkfifo pipe.wit
mkdir folder
mkfifo folder/pipe.wit
run bindgen pipe.wit
expect_exit 65
run bindgen folder
expect_exit 65

# Too much of anything, from a generator.
hostile() {
	perl -e "print($1)" >bad.wit
	run bindgen bad.wit -o never.h
	expect_exit 65
	[ ! -e never.h ] || fail 'a header of nothing'
	expect_err_has "$2"
	[ "$(wc -c <err)" -lt 10000 ] || fail 'the error is too long'
}
hostile "'$i interface i { f: func(x: ', 'list<' x 200000, 'u16', '>' x 200000, '); }'" 'nesting too deep'
hostile "'package a:b; ', 'package c:d {' x 200000" 'nesting too deep'
hostile "'package a:b; ', '/*' x 500000" 'unterminated'
hostile "'$i interface i { type a0 = u8; ', map({ \"type a\$_ = a\" . (\$_ - 1) . ';' } 1..50001), ' f: func(x: a50001); }'" 'more than 50000 types'
hostile "'$i interface i { type a0 = tuple<u8, u8>; ', map({ \"type a\$_ = tuple<a\" . (\$_ - 1) . ', a' . (\$_ - 1) . '>;' } 1..60), ' f: func(x: a60); }'" 'more than 10000 parts'
hostile "'$i interface i { record a0 { x: u8 } ', map({ \"record a\$_ { x: a\" . (\$_ - 1) . '}' } 1..150), ' }'" 'nested deeper than 100'
hostile "'$i interface i { record r {', map({ \"p\$_: u8,\" } 1..20000), '} f: func(r: r) -> r; }'" 'more than 10000 parts'
hostile "'$i interface i {', map({ \"p\$_: func();\" } 1..20000), '}'" 'more than 10000 functions'
hostile "'$i interface i { ', 'a' x 1000000, ': func(); }'" 'a name is longer than'
hostile "'$i interface i { record r { ', 'a' x 256, ': u8 } }'" 'a name is longer than 255'
hostile "'package a:b;', ' ' x (5 << 20)" 'more than 4 MiB'

# A record of nothing, which WIT text allows.
echo "$i interface i { record r {} f: func(r: r) -> list<r>; }" >nothing.wit
run bindgen nothing.wit -o nothing.h
expect_exit 0
compiles nothing.h gcc

# Long names, and much that is still within bounds.
perl -e "print('$i interface i { record ', 'a' x 255, ' { ', 'b' x 255, ': list<list<tuple<string, u8>>> } f: func(x: list<', 'a' x 255, '>) -> option<', 'a' x 255, '>; }')" >long.wit
run bindgen long.wit -o long.h
expect_exit 0
compiles long.h gcc
perl -e "print('$i interface i {', map({ \"p\$_: func(a: string) -> u32;\" } 1..9999), '}')" >many.wit
run bindgen many.wit -o many.h
expect_exit 0
