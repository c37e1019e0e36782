;; Reads past the end of an array.
;; Needs: gc
(component
    (core module $module
        (type $numbers (array i32))
        (func (export "run")
            (drop (array.get $numbers
                (array.new_default $numbers (i32.const 4))
                (i32.const 4))))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
