;; Fills 4 MiB of memory with one word made of the seed, and its table with a function.
;; pattern-search.wat must never find any of it.
(component
    (core module $module
        (memory 64)
        (table $table 1000 funcref)
        (elem declare func $mark)
        (func $mark)
        (func (export "write") (param $seed i32)
            (local $address i32)
            (local $word i32)
            (local.set $word (i32.or (i32.mul (local.get $seed) (i32.const 0x9e3779b1)) (i32.const 1)))
            (loop $again
                (i32.store (local.get $address) (local.get $word))
                (local.set $address (i32.add (local.get $address) (i32.const 4)))
                (br_if $again (i32.lt_u (local.get $address) (i32.const 0x400000))))
            (table.fill $table (i32.const 0) (ref.func $mark) (i32.const 1000)))
    )
    (core instance $instance (instantiate $module))
    (func (export "write") (param "seed" u32) (canon lift (core func $instance "write")))
)
