;; Divides by zero.
(component
    (core module $module
        (global $zero (mut i32) (i32.const 0))
        (func (export "run")
            (drop (i32.div_s (i32.const 1) (global.get $zero))))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
