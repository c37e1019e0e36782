;; Computes for ever while it is instantiated.
(component
    (core module $module
        (start $start)
        (func $start
            (loop $again
                (br $again)))
        (func (export "run"))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
