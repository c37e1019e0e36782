;; Returns a case that its enum does not have.
(component
    (core module $module
        (func (export "run") (result i32) (i32.const 3))
    )
    (core instance $instance (instantiate $module))
    (type $colour (enum "red" "green" "blue"))
    (export $exported "colour" (type $colour))
    (func (export "run") (result $exported) (canon lift (core func $instance "run")))
)
