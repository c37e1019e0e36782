;; Calls a table element that is a function of another type.
(component
    (core module $module
        (type $nothing (func))
        (table $table funcref (elem $number))
        (func $number (result i32) (i32.const 1))
        (func (export "run")
            (call_indirect $table (type $nothing) (i32.const 0)))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
