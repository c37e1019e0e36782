;; Counts its calls; and spins, or traps, when asked to. It imports nothing.
(component
  (core module $Main
    (global $count (mut i32) (i32.const 0))
    (func (export "count") (result i32)
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (global.get $count))
    (func (export "spin") (loop $forever (br $forever)))
    (func (export "trap") unreachable))
  (core instance $main (instantiate $Main))
  (func (export "count") (result u32) (canon lift (core func $main "count")))
  (func (export "spin") (canon lift (core func $main "spin")))
  (func (export "trap") (canon lift (core func $main "trap"))))
