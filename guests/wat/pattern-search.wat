;; Searches 4 MiB of fresh memory and its table for what others left there.
;; Half of the memory is there from the start, half is grown first: both must be empty.
(component
    (core module $module
        (memory 32)
        (table $table 1000 funcref)
        (global $grown (mut i32) (i32.const 0))
        (func $grow
            (if (i32.eqz (global.get $grown))
                (then
                    (if (i32.eq (memory.grow (i32.const 32)) (i32.const -1)) (then unreachable))
                    (global.set $grown (i32.const 1)))))
        ;; How many words are $word, or where $any is set, are not zero; and table elements that are set.
        (func $count (param $word i32) (param $any i32) (result i32)
            (local $i i32)
            (local $found i32)
            (local $count i32)
            (call $grow)
            (loop $again
                (local.set $found (i32.load (local.get $i)))
                (local.set $count
                    (i32.add (local.get $count)
                        (select
                            (i32.ne (local.get $found) (i32.const 0))
                            (i32.eq (local.get $found) (local.get $word))
                            (local.get $any))))
                (local.set $i (i32.add (local.get $i) (i32.const 4)))
                (br_if $again (i32.lt_u (local.get $i) (i32.const 0x400000))))
            (local.set $i (i32.const 0))
            (loop $again
                (local.set $count
                    (i32.add (local.get $count)
                        (i32.eqz (ref.is_null (table.get $table (local.get $i))))))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $i) (i32.const 1000))))
            (local.get $count))
        (func (export "search") (param $seed i32) (result i32)
            (call $count
                (i32.or (i32.mul (local.get $seed) (i32.const 0x9e3779b1)) (i32.const 1))
                (i32.const 0)))
        (func (export "nonzero") (result i32)
            (call $count (i32.const 0) (i32.const 1)))
    )
    (core instance $instance (instantiate $module))
    ;; The words that pattern-write.wat leaves for that seed, and the table elements that are set.
    (func (export "search") (param "seed" u32) (result u32) (canon lift (core func $instance "search")))
    ;; All words that are not zero, and the table elements that are set.
    (func (export "nonzero") (result u32) (canon lift (core func $instance "nonzero")))
)
