#!/usr/bin/env bash
# How options are read.
# shellcheck source=tests/support/cli.sh
. "$TESTS/support/cli.sh"
guest env.wasm

run run --memry 64MB env.wasm
expect_usage run
expect_err_has 'unknown option --memry (did you mean --memory?)'
run run --memory
expect_usage run
expect_err_has '--memory needs a value: --memory SIZE'
run run --quiet=yes env.wasm
expect_usage run
run run --m=64MB env.wasm
expect_usage run
expect_err_has 'could be more than one option'
run run -m
expect_usage run
run run --=3
expect_usage run

for wrong in '64 apples' '' -1 0 1 5GiB 99999999999999999999 unlimited 64MB64; do
	run run --memory "$wrong" env.wasm
	expect_exit 64
	expect_err_has "bulkhead: --memory \"$wrong\""
	expect_err_has '64 KiB to 4 GiB'
done
run run --memory 64MB --fuel 0 env.wasm
expect_exit 64
run run --memory 64MB --timeout soon env.wasm
expect_exit 64
expect_err_has 'duration'

# Both spellings, short names cut short, letters, and the end of the options.
for options in '--memory 64MB' '--memory=64MB' '--mem=64MB' '--memory 64MiB -q' '-qu --memory 67108864' '--memory 64MB --'; do
	# shellcheck disable=SC2086
	run run $options env.wasm one
	expect_exit 0
	expect_out "$(printf 'arg 0 env.wasm\narg 1 one')"
done

# What follows FILE is the guest's.
run run --memory 64MB env.wasm --memory 1 -q -- --help
expect_exit 0
expect_out "$(printf 'arg 0 env.wasm\narg 1 --memory\narg 2 1\narg 3 -q\narg 4 --\narg 5 --help')"

# The environment is empty but for what is given.
SECRET=one OURS=two run run --memory 64MB env.wasm
expect_out 'arg 0 env.wasm'
OURS=two run run --memory 64MB --env OURS --env A=b=c --env EMPTY= env.wasm
expect_exit 0
expect_out "$(printf 'arg 0 env.wasm\nenv OURS=two\nenv A=b=c\nenv EMPTY=')"
run run --memory 64MB --env NOT_SET_ANYWHERE env.wasm
expect_exit 64
expect_err_has 'NOT_SET_ANYWHERE'
run run --memory 64MB --env =x env.wasm
expect_exit 64

for dir in '' ::/data ./data:: ; do
	run run --memory 64MB --dir "$dir" env.wasm
	expect_exit 64
	expect_err_has "bulkhead: --dir $dir"
done
for net in '' host host: :80 host:0 host:70000 host:http ::1:80 host:80/icmp host:80/ 'host:*x'; do
	run run --memory 64MB --allow-net "$net" env.wasm
	expect_exit 64
	expect_err_has "bulkhead: --allow-net $net"
done
for port in '' host 0 80/http 127.0.0.1; do
	run run --memory 64MB --allow-listen "$port" env.wasm
	expect_exit 64
	expect_err_has "bulkhead: --allow-listen $port"
done
run run --memory 64MB --allow-net 10.0.0.0/8:* --allow-net '[::1]:80' --allow-listen 8080 \
	--allow-listen 127.0.0.1:8081 --allow-net 10.0.0.1:53/udp --allow-listen 5353/udp env.wasm
expect_exit 0
