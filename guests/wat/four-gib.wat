;; Wants 4 GiB of memory from the start.
(component
    (core module $module
        (memory 65536)
        (func (export "run"))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
