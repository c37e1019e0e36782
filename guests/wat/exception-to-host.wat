;; Throws an exception that nobody catches.
;; Needs: exceptions
(component
    (core module $module
        (tag $oops)
        (func (export "run")
            (throw $oops))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
