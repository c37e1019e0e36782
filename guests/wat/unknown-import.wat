;; Imports a function that no host has.
(component
    (import "test:nowhere/nothing@1.0.0" (instance $nothing (export "f" (func))))
    (core func $f (canon lower (func $nothing "f")))
    (core module $module
        (import "" "f" (func $f))
        (func (export "run") (call $f))
    )
    (core instance $instance (instantiate $module
        (with "" (instance (export "f" (func $f))))))
    (func (export "run") (canon lift (core func $instance "run")))
)
