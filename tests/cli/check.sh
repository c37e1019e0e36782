#!/usr/bin/env bash
# bulkhead check: every mistake with its place, a caret under it, and what would be right.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"

run check
expect_exit 66
expect_err_has 'bulkhead: Component.toml: '
expect_err_has 'bulkhead init FILE'

cat >Component.toml <<'END'
[component]
name = "x"
version = "0.1.0"

[resources]
max_stack = "1MB"
max_memory = "64 apples"

max_fule_per_execution = 3
END
run check Component.toml
expect_exit 78
expect_no_err
expect_out_has 'Component.toml:7:14: error: max_memory = "64 apples": not a size'
expect_out_has '      7 | max_memory = "64 apples"'
expect_out_has '        |              ^^^^^^^^^^^'
expect_out_has '  A size is a number with a unit: "64MB", "64MiB", or bytes. Allowed here: 64 KiB to 4 GiB.'
expect_out_has 'Component.toml:9:1: warning: unknown key max_fule_per_execution (did you mean max_fuel_per_execution?)'
[ "$(grep -c ': error: ' out)" = 1 ] || fail 'one error'
cp out explicit
run check
cmp -s out explicit || fail 'Component.toml is the default'
run check --quiet
expect_exit 78
expect_out_lacks warning

run check --json
expect_exit 78
expect_json '.ok == false and .exit == 78 and (.diagnostics | length) == 2'
expect_json '.diagnostics[0] | .severity == "error" and .line == 7 and .column == 14 and .length == 11'
expect_json '.diagnostics[1] | .severity == "warning" and .line == 9'

# The caret stands right behind tabs and beside letters of more than one byte.
printf '[component]\nname = "x"\n[resources]\nmax_stack = "1MB"\n\tmax_memory\t=\t"größe"\n' >tab.toml
run check tab.toml
expect_exit 78
expect_out_has "$(printf '        | \t          \t \t^^^^^^^\n')"

# All errors, not just the first.
printf '[resources]\nmax_memory = 5\nmax_stack = "x"\nmax_fuel_per_execution = -1\n' >many.toml
run check many.toml
[ "$(grep -c ': error: ' out)" -ge 3 ] || fail 'three errors'

# What is wrong with the whole file.
printf '[resources\n' >broken.toml
run check broken.toml
expect_exit 78
expect_out_has 'broken.toml:1:'
: >empty.toml
run check empty.toml
expect_exit 78
expect_out_has max_memory

# Nothing of the file reaches the terminal raw.
printf '[component]\nname = "x"\n[resources]\nmax_stack = "1MB"\nmax_memory = "\033[31m"\n"\\u001b[2J" = 1\n' >escape.toml
run check escape.toml
expect_exit 78
! grep -q "$(printf '\033')" out || fail 'an escape reached stdout'

# Warnings alone are no failure. Limits in force, for run and for call.
cat >Component.toml <<'END'
[component]
name = "x"
version = "0.1.0"
colour = "red"
[resources]
max_memory = "64MiB"
max_stack = "2MiB"
max_execution_time_ms = "2s"
END
run check
expect_exit 0
expect_out_has ': warning: '
expect_out_has 'Component.toml: ok (flat dialect): memory 64 MiB, stack 2 MiB, fuel 1,000,000, time 2000 ms'
run check --effective
expect_exit 0
grep -qE '^max_memory +64 MiB +64 MiB +as written$' out || fail 'memory'
grep -qE '^max_fuel_per_execution +unlimited +1,000,000 +default$' out || fail 'fuel'
grep -qE '^max_execution_time_ms +2000 ms +2000 ms +as written$' out || fail 'time'
grep -qE '^max_tables +100 +100 +default$' out || fail 'tables'
run check --effective --json
expect_exit 0
expect_json '.ok and .dialect == "flat" and .name == "x" and .version == "0.1.0"'
expect_json '.effective.run.max_fuel_per_execution == "unlimited" and .effective.call.max_fuel_per_execution == 1000000'
expect_json '.effective.call.max_memory == 67108864 and .effective.run.on_memory_limit == "fail"'

printf '[package]\nname = "y"\nversion = "1.0.0"\n[runtime]\nmemory_max_mb = 64\n' >package.toml
run check package.toml
expect_exit 0
expect_out_has 'ok (package dialect)'

run check a b
expect_usage check
run check missing.toml
expect_exit 66
expect_err_lacks 'bulkhead init'
run check --json missing.toml
expect_exit 66
expect_json '.error.status == "BH_E_NOT_FOUND"'
run check .
expect_exit 66
