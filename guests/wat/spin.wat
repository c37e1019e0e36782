;; Computes for ever.
(component
    (core module $module
        (func (export "run")
            (loop $again
                (br $again)))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
