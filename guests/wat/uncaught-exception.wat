;; An exception leaves one component for another.
;; Needs: exceptions
(component
    (component $callee
        (core module $module
            (tag $oops)
            (func (export "f") (throw $oops))
        )
        (core instance $instance (instantiate $module))
        (func (export "f") (canon lift (core func $instance "f")))
    )
    (component $caller
        (import "f" (func $f))
        (core func $f (canon lower (func $f)))
        (core module $module
            (import "" "f" (func $f))
            (func (export "run") (call $f))
        )
        (core instance $instance (instantiate $module
            (with "" (instance (export "f" (func $f))))))
        (func (export "run") (canon lift (core func $instance "run")))
    )
    (instance $callee (instantiate $callee))
    (instance $caller (instantiate $caller (with "f" (func $callee "f"))))
    (func (export "run") (alias export $caller "run"))
)
