;; Calls an import from its post-return function, where no call may leave the component.
(component
    (component $callee
        (core module $module (func (export "f")))
        (core instance $instance (instantiate $module))
        (func (export "f") (canon lift (core func $instance "f")))
    )
    (component $caller
        (import "f" (func $f))
        (core func $f (canon lower (func $f)))
        (core module $module
            (import "" "f" (func $f))
            (func (export "run"))
            (func (export "post") (call $f))
        )
        (core instance $instance (instantiate $module
            (with "" (instance (export "f" (func $f))))))
        (func (export "run")
            (canon lift (core func $instance "run")
                (post-return (core func $instance "post"))))
    )
    (instance $callee (instantiate $callee))
    (instance $caller (instantiate $caller (with "f" (func $callee "f"))))
    (func (export "run") (alias export $caller "run"))
)
