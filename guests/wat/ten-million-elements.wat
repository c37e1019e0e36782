;; Wants a table of 10,000,000 elements from the start.
(component
    (core module $module
        (table 10000000 funcref)
        (func (export "run"))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
