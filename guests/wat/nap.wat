;; Sleeps by way of bulkhead:host: `nap` so many milliseconds, 0 if it did; run as a command half a second.
(component
  (import "bulkhead:host/time@0.1.0" (instance $time
    (type $error-of (variant (case "too-long" string) (case "busy" string)))
    (export "error" (type $error (eq $error-of)))
    (export "sleep" (func (param "milliseconds" u64) (result (result (error $error)))))))
  (core module $Libc (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $libc (instantiate $Libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))
  (core func $sleep (canon lower (func $time "sleep") (memory $memory) (realloc $realloc)))
  (core module $Main
    (import "" "memory" (memory 1))
    (import "" "sleep" (func $sleep (param i64 i32)))
    (func $nap (export "nap") (param i64) (result i32)
      (call $sleep (local.get 0) (i32.const 16))
      (i32.load8_u (i32.const 16)))
    (func (export "run") (result i32) (call $nap (i64.const 500))))
  (core instance $main (instantiate $Main (with "" (instance
    (export "memory" (memory $memory)) (export "sleep" (func $sleep))))))
  (func (export "nap") (param "milliseconds" u64) (result u32) (canon lift (core func $main "nap")))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
