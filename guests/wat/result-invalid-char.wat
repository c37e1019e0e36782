;; Returns a char that is half a surrogate pair.
(component
    (core module $module
        (func (export "run") (result i32) (i32.const 0xd800))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (result char) (canon lift (core func $instance "run")))
)
