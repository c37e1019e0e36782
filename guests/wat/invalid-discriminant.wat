;; One component passes another a variant case that does not exist.
(component
    (component $callee
        (core module $module (func (export "f") (param i32)))
        (core instance $instance (instantiate $module))
        (func (export "f") (param "e" (result)) (canon lift (core func $instance "f")))
    )
    (component $caller
        (import "f" (func $f (param "e" (result))))
        (core func $f (canon lower (func $f)))
        (core module $module
            (import "" "f" (func $f (param i32)))
            (func (export "run") (call $f (i32.const 2)))
        )
        (core instance $instance (instantiate $module
            (with "" (instance (export "f" (func $f))))))
        (func (export "run") (canon lift (core func $instance "run")))
    )
    (instance $callee (instantiate $callee))
    (instance $caller (instantiate $caller (with "f" (func $callee "f"))))
    (func (export "run") (alias export $caller "run"))
)
