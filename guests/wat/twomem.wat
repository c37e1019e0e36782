;; Two memories, one in each of two modules, that grow in turns until both are refused; then it traps.
(component
    (core module $other
        (memory 1)
        (func (export "grow") (result i32) (memory.grow (i32.const 1)))
        (func (export "pages") (result i32) (memory.size))
    )
    (core module $module
        (import "other" "grow" (func $grow (result i32)))
        (import "other" "pages" (func $pages (result i32)))
        (memory 1)
        (func $grow-both
            (local $refused i32)
            (loop $again
                (local.set $refused (i32.eq (memory.grow (i32.const 1)) (i32.const -1)))
                (br_if $again
                    (i32.or
                        (i32.ne (call $grow) (i32.const -1))
                        (i32.eqz (local.get $refused))))))
        (func (export "run") (call $grow-both) unreachable)
        (func (export "pages") (result i32)
            (call $grow-both)
            (i32.add (memory.size) (call $pages)))
    )
    (core instance $other (instantiate $other))
    (core instance $instance (instantiate $module (with "other" (instance $other))))
    (func (export "run") (canon lift (core func $instance "run")))
    ;; The same without the trap: how many pages both have in the end.
    (func (export "pages") (result u32) (canon lift (core func $instance "pages")))
)
