;; Calls a table element that was never set.
(component
    (core module $module
        (type $nothing (func))
        (table $table 4 funcref)
        (func (export "run")
            (call_indirect $table (type $nothing) (i32.const 0)))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
