;; Adds two numbers, having looked at WASI's clock: the smallest component that has a WASI context.
(component
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock (export "now" (func (result u64)))))
  (core func $now (canon lower (func $clock "now")))
  (core module $Main
    (import "" "now" (func $now (result i64)))
    (memory 1)
    (func (export "add") (param i32 i32) (result i32)
      (i64.store (i32.const 1024) (call $now))
      (i32.add (local.get 0) (local.get 1))))
  (core instance $main (instantiate $Main (with "" (instance (export "now" (func $now))))))
  (func (export "add") (param "a" s32) (param "b" s32) (result s32) (canon lift (core func $main "add"))))
