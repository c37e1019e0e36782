#!/usr/bin/env bash
# test: timeout=90
# bulkhead call: WAVE in and out, names, wrong arguments, results that are errors.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
guest calc.wasm calc.core.wasm echo.wasm counter.wasm hello.core.wasm
call() { run call --memory 64MB "$@"; }

call calc.wasm 'divide({numerator: 7, denominator: 2})'
expect_exit 0
expect_out 'ok(3.5)'
expect_no_err
call calc.wasm 'divide({numerator: 7, denominator: 0})'
expect_exit 1
expect_out 'err("division by zero")'
expect_no_err
call calc.wasm 'acme:calc/math@1.0.0#area(circle(2))'
expect_exit 0
expect_out_has 12.56
call calc.wasm 'apply(multiply, 6, 7)'
expect_out 'some(42)'
call calc.wasm 'properties-of(-4)'
expect_out '{even, negative}'
call counter.wasm increment
expect_out 1
call counter.wasm 'increment()'
expect_out 1
call counter.wasm 'crash-at(0)'
expect_exit 0
expect_no_out
call echo.wasm 'greet("grüße\n")'
expect_exit 0
expect_out '"hello grüße\n"'
call echo.wasm 'echo-bytes([1, 2, 255])'
expect_out '[1, 2, 255]'

# What the terminal would obey is written out, and is still the same WAVE.
call echo.wasm 'echo-text("\u{1b}[31m\u{202e}")'
expect_exit 0
! grep -q "$(printf '\033')" out || fail 'an escape reached stdout'
call echo.wasm "echo-text($(cat out))"
expect_exit 0
grep -q '202e' out || fail 'the text changed on its way'

# Names.
call calc.wasm 'divde(7, 2)'
expect_exit 64
expect_no_out
expect_err_has 'bulkhead: calc.wasm: '
expect_err_has 'divde'
expect_err_has 'Did you mean'
expect_err_has 'divide'
call calc.wasm 'acme:calc/maths@1.0.0#divide()'
expect_exit 64
call calc.wasm ''
expect_exit 64
call calc.wasm '(1)'
expect_exit 64

# Arguments: too many, wrong, not WAVE. The signature is shown.
for args in '(7, 2)' '("seven")' '({numerator: 7})' '({numerator: 7, denominator: 2' '({numerator: 7, denominator: 2}) more' \
	'()' ''; do
	call calc.wasm "divide$args"
	expect_exit 64
	expect_no_out
	expect_err_has 'bulkhead: calc.wasm: '
	expect_err_has 'divide: func(fraction: record { numerator: s64, denominator: s64 }) -> result<f64, string>'
done
call calc.wasm 'divide(7, 2)'
expect_err_has 'divide takes 1 argument, got 2'

# A handle would outlive its instance.
call counter.wasm '[constructor]bag()'
expect_exit 64
expect_no_out
expect_err_has 'fresh one for each call'
call --json counter.wasm '[constructor]bag()'
expect_exit 64
expect_json '.error.status == "BH_E_UNSUPPORTED"'

# Operands.
run call
expect_usage call
call calc.wasm
expect_usage call
call calc.wasm divide '(7, 2)'
expect_usage call
run call calc.wasm 'increment()' --memory 64MB --frobnicate
expect_usage call
run call counter.wasm 'increment()' --memory 64MB
expect_exit 0
run call --memory 64MB -- counter.wasm 'increment()'
expect_exit 0
call missing.wasm 'f()'
expect_exit 66
call hello.core.wasm 'f()'
expect_exit 65
expect_err_has 'core WebAssembly module'
expect_err_has 'wasm-tools component new'

# JSON: one object, whose result says everything that WAVE says.
json() { # EXPORT(ARGS) FILTER
	call --json "${3:-calc.wasm}" "$1"
	expect_exit "${4:-0}"
	expect_no_err
	expect_json "$2"
	[ "$(wc -l <out)" = 1 ] || fail 'more than one line'
}
json 'divide({numerator: 7, denominator: 2})' '.result == {ok: 3.5} and .exit == 0 and .usage.fuel > 0'
json 'divide({numerator: 7, denominator: 0})' '.result == {err: "division by zero"} and .exit == 1' calc.wasm 1
json 'apply(add, 9223372036854775807, 1)' '.result == null'
json 'roundtrip-bool(true)' '.result == true'
json 'roundtrip-s8(-128)' '.result == -128'
json 'roundtrip-s64(9007199254740993)' '.result | tostring | startswith("90071992547409")'
grep -q '"result":9007199254740993[,}]' out || fail 'an s64 lost digits'
json 'roundtrip-u64(18446744073709551615)' '.result == "18446744073709551615"'
json 'roundtrip-u64(9223372036854775807)' '.usage'
grep -q '"result":9223372036854775807[,}]' out || fail 'a u64 lost digits'
json 'roundtrip-f64(0.1)' '.result == 0.1'
grep -q '"result":0.1[,}]' out || fail '0.1 grew digits'
json 'roundtrip-f32(0.1)' '.result == 0.1'
json 'roundtrip-f64(nan)' '.result == "NaN"'
json 'roundtrip-f64(-inf)' '.result == "-Infinity"'
json "roundtrip-char('ü')" '.result == "ü"'
json 'roundtrip-string("a\"b\u{0}c")' '.result == "a\"b\u0000c"'
json 'roundtrip-list([1, -2])' '.result == [1, -2]'
json 'roundtrip-list-u8([104, 105, 33, 0])' '.result == {base64: "aGkhAA=="}'
json 'roundtrip-list-u8([])' '.result == {base64: ""}'
json 'roundtrip-record({x: 1, y: -2})' '.result == {x: 1, y: -2}'
json 'roundtrip-tuple((1, "two", 3.5))' '.result == [1, "two", 3.5]'
json 'roundtrip-variant(nothing)' '.result == {nothing: null}'
json 'roundtrip-variant(text("t"))' '.result == {text: "t"}'
json 'roundtrip-enum(green)' '.result == "green"'
json 'roundtrip-option(some(5))' '.result == 5'
json 'roundtrip-option(none)' '.result == null'
json 'roundtrip-option-option(none)' '.result == null'
json 'roundtrip-option-option(some(none))' '.result == {some: null}'
json 'roundtrip-option-option(some(some(5)))' '.result == {some: 5}'
json 'roundtrip-result-bare(ok)' '.result == {ok: null}'
json 'roundtrip-result-bare(err)' '.result == {err: null} and .exit == 1' calc.wasm 1
json 'roundtrip-flags({read, execute})' '.result == ["read", "execute"]'
json 'roundtrip-list-list-string([["a"], []])' '.result == [["a"], []]'
json 'crash-at(0)' '.result == null and has("result")' counter.wasm

# Errors as JSON, on stdout.
call --json calc.wasm 'divde()'
expect_exit 64
expect_no_err
expect_json '.error.status == "BH_E_NO_EXPORT" and (.error.hint | test("divide")) and .exit == 64'
call --json calc.wasm 'divide()'
expect_json '.error.status == "BH_E_TYPE" and .usage == null'
call --json missing.wasm 'f()'
expect_exit 66
expect_json '.error.kind == "ComponentNotFound"'
run call --json calc.wasm 'f()'
expect_exit 78
expect_json '.error.kind == "MissingResourceLimits"'
call --json counter.wasm 'spin()'
expect_exit 152
expect_json '.error.kind == "ResourceLimitExceeded" and .error.limit.name == "max_fuel_per_execution" and .error.limit.allowed == 1000000 and .error.limit.source == "default"'
