;; Makes an integer of a value that is not a number.
(component
    (core module $module
        (global $nan (mut f64) (f64.const nan))
        (func (export "run")
            (drop (i32.trunc_f64_s (global.get $nan))))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
