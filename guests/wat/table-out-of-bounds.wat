;; Reads a table element past the end.
(component
    (core module $module
        (table $table 4 funcref)
        (func (export "run")
            (drop (table.get $table (i32.const 4))))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
