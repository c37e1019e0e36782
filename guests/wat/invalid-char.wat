;; One component passes another a char that is half a surrogate pair.
(component
    (component $callee
        (core module $module (func (export "f") (param i32)))
        (core instance $instance (instantiate $module))
        (func (export "f") (param "c" char) (canon lift (core func $instance "f")))
    )
    (component $caller
        (import "f" (func $f (param "c" char)))
        (core func $f (canon lower (func $f)))
        (core module $module
            (import "" "f" (func $f (param i32)))
            (func (export "run") (call $f (i32.const 0xd800)))
        )
        (core instance $instance (instantiate $module
            (with "" (instance (export "f" (func $f))))))
        (func (export "run") (canon lift (core func $instance "run")))
    )
    (instance $callee (instantiate $callee))
    (instance $caller (instantiate $caller (with "f" (func $callee "f"))))
    (func (export "run") (alias export $caller "run"))
)
