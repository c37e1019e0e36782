;; Its data does not fit into its memory: traps while it is instantiated.
(component
    (core module $module
        (memory 1)
        (data (i32.const 65535) "ab")
        (func (export "run"))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
