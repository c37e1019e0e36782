;; Traps while it is instantiated.
(component
    (core module $module
        (start $start)
        (func $start
            unreachable)
        (func (export "run"))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
