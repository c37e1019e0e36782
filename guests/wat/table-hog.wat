;; Grows its table until that is refused, then traps.
(component
    (core module $module
        (table $table 1 funcref)
        (func (export "run")
            (loop $again
                (br_if $again
                    (i32.ne (table.grow $table (ref.null func) (i32.const 100)) (i32.const -1))))
            unreachable)
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
