;; Grows its memory page by page until that is refused, then traps.
(component
    (core module $module
        (memory 1)
        (func (export "run")
            (loop $again
                (br_if $again
                    (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
            unreachable)
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
