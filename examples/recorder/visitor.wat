;; A guest whose answers depend on its host: a clock, dice, and a memory that is not its own.
(component
  (import "acme:visitor/host@1.0.0" (instance $host
    (export "now" (func (result u64)))
    (export "roll" (func (param "sides" u32) (result u32)))
    (export "get" (func (param "key" string) (result (option string))))
    (export "put" (func (param "key" string) (param "value" string)))))

  (core module $Libc
    (memory (export "memory") 1)
    (global $end (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $end) (i32.const 7)) (i32.const -8)))
      (global.set $end (i32.add (local.get $at) (local.get 3)))
      (if (i32.gt_u (global.get $end) (i32.mul (memory.size) (i32.const 65536)))
        (then (if (i32.eq (i32.const -1) (memory.grow (i32.const 16))) (then unreachable))))
      (local.get $at)))
  (core instance $libc (instantiate $Libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))

  (core func $now (canon lower (func $host "now")))
  (core func $roll (canon lower (func $host "roll")))
  (core func $get (canon lower (func $host "get") (memory $memory) (realloc $realloc)))
  (core func $put (canon lower (func $host "put") (memory $memory)))

  (core module $Visitor
    (import "host" "now" (func $now (result i64)))
    (import "host" "roll" (func $roll (param i32) (result i32)))
    (import "host" "get" (func $get (param i32 i32 i32)))
    (import "host" "put" (func $put (param i32 i32 i32 i32)))
    (global $visits (mut i32) (i32.const 0))
    ;; The sum of so many dice.
    (func (export "dice") (param $count i32) (param $sides i32) (result i32) (local $sum i32)
      (block (loop
        (br_if 1 (i32.eqz (local.get $count)))
        (local.set $sum (i32.add (local.get $sum) (call $roll (local.get $sides))))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br 0)))
      (local.get $sum))
    ;; How often this instance was called so.
    (func (export "visit") (result i32)
      (global.set $visits (i32.add (global.get $visits) (i32.const 1)))
      (global.get $visits))
    (func (export "elapsed") (result i64) (local $from i64)
      (local.set $from (call $now))
      (i64.sub (call $now) (local.get $from)))
    ;; Puts a value, and returns what was there before.
    (func (export "remember") (param $key i32) (param $key-length i32) (param $value i32) (param $length i32)
      (result i32)
      (call $get (local.get $key) (local.get $key-length) (i32.const 16))
      (call $put (local.get $key) (local.get $key-length) (local.get $value) (local.get $length))
      (i32.const 16))
    (func (export "crash") (drop (call $now)) unreachable))
  (core instance $visitor (instantiate $Visitor (with "host" (instance
    (export "now" (func $now)) (export "roll" (func $roll)) (export "get" (func $get)) (export "put" (func $put))))))

  (func (export "dice") (param "count" u32) (param "sides" u32) (result u32)
    (canon lift (core func $visitor "dice")))
  (func (export "visit") (result u32) (canon lift (core func $visitor "visit")))
  (func (export "elapsed") (result u64) (canon lift (core func $visitor "elapsed")))
  (func (export "remember") (param "key" string) (param "value" string) (result (option string))
    (canon lift (core func $visitor "remember") (memory $memory) (realloc $realloc)))
  (func (export "crash") (canon lift (core func $visitor "crash"))))
